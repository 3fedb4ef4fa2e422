import { readFileSync } from 'node:fs';
import { MANIFEST_FILE } from './own-files.ts';

const manifest = JSON.parse(readFileSync(MANIFEST_FILE, 'utf8')) as { version: string };

/** Version of this program. */
export const VERSION: string = manifest.version;
