import { inflateRawSync } from 'node:zlib';

const ENTRY = 0x02014b50;
const STORED = 0;
const DEFLATED = 8;

export interface ZipFile {
  name: string;
  /** The uncompressed bytes; made again at each call. */
  read(): Buffer;
}

/**
 * The files of a zip archive, by its central directory (PKWARE APPNOTE 6.3.10, sections 4.3.12 and 4.3.16).
 * Node reads no zip, and a fresh machine may have no unzip. Zip64 and encryption are not needed here, and refused.
 */
export function* zipFiles(zip: Buffer): Generator<ZipFile> {
  const end = zip.lastIndexOf('PK\x05\x06');
  if (end < 0) throw new Error('it is not a zip archive');
  const count = zip.readUInt16LE(end + 10);
  let at = zip.readUInt32LE(end + 16);
  if (count === 0xffff || at === 0xffffffff) throw new Error('it is a zip64 archive');
  for (let index = 0; index < count; index++) {
    if (zip.readUInt32LE(at) !== ENTRY) throw new Error('the directory of the zip archive is damaged');
    const method = zip.readUInt16LE(at + 10);
    const length = zip.readUInt32LE(at + 20);
    const nameLength = zip.readUInt16LE(at + 28);
    const local = zip.readUInt32LE(at + 42);
    const name = zip.toString('utf8', at + 46, at + 46 + nameLength);
    if (method !== STORED && method !== DEFLATED) throw new Error(`${name} has an unknown compression`);
    // The local header's name and extra field may have other lengths than the directory's.
    const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    const bytes = zip.subarray(start, start + length);
    if (!name.endsWith('/')) yield { name, read: () => (method === STORED ? bytes : inflateRawSync(bytes)) };
    at += 46 + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
}
