import type { EngineKind } from '../engine-kind.ts';
import { duckDbConfig } from './config.ts';

/** The engine in this process. */
export const duckdbEngine: EngineKind<typeof duckDbConfig> = { schema: duckDbConfig };
