import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { WebHdfs } from '../../src/archive/storage/hdfs/webhdfs.ts';
import { UPLOADS } from '../../src/archive/storage/remote.ts';

/** Copies a folder of HDFS to a local one, for readers that know no HDFS. */
export async function copyDown(hdfs: WebHdfs, from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const { name, isFile } of await hdfs.list(from)) {
    // An upload that was cut off may still be open, and readers of the table never look at it.
    if (name === UPLOADS) continue;
    if (isFile) await hdfs.download(`${from}/${name}`, join(to, name));
    else await copyDown(hdfs, `${from}/${name}`, join(to, name));
  }
}
