import { homedir } from 'node:os';
import { join } from 'node:path';

/** Folder for what is fetched or compiled, shared by all data folders of this user; scripts/bootstrap.sh uses the same. */
export function cacheDir(env: Readonly<Record<string, string | undefined>> = process.env): string {
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'tillstream');
}
