import type { SourceFindings } from '../ingest/finding.ts';
import type { WindowSize } from '../metrics/window.ts';
import type { Role } from './roles.ts';

/** State of a component of the process: ready, waiting (tries again by itself), or failed (needs a person). */
export interface ComponentStatus {
  state: 'ready' | 'waiting' | 'failed' | 'starting';
  message: string;
  /** false: while it waits, others can go on sending and reading. */
  needed?: boolean;
}

export interface Status {
  running: true;
  pid: number;
  url: string;
  version: string;
  /** The data folder is one of the demo: a simulated shop, which takes no events of others. */
  demo: boolean;
  /** What this process does of the work. */
  roles: readonly Role[];
  time_zone: string;
  started_at: string;
  now: string;
  data: string;
  parts: Record<string, ComponentStatus>;
  /** Lines of the log that each reader has not taken yet. */
  lag: Record<string, number>;
  /** Received-at of the last line that each stage has. */
  freshness: Record<'collector' | 'log' | 'archive' | 'metrics', string | null>;
  dirty_windows: number;
  /** The newest UTC date of the archive's events; null while there is none. */
  newest_event_day: string | null;
  /** The shop's main currency by the config; null where it names none. */
  currency: string | null;
  /** What was doubtful in the events that came in since the start; sources without a finding are left out. */
  findings: SourceFindings[];
  metrics: {
    name: string;
    title: string;
    keys: string[];
    values: string[];
    windows: readonly WindowSize[];
  }[];
}
