import type { ContentEnd } from '../ingest/content.ts';
import type { Decoded } from '../ingest/format.ts';
import { reasonOf } from '../telemetry/system-error.ts';
import { LoadError } from './load-error.ts';

const NEWLINE = 0x0a;
/** The kind of an error before DuckDB's words for it. */
const KIND = /^[\w ]+ Error: /;

/** DuckDB reads Parquet; its rows come as JSON. Of a file that is damaged the rows before the damage are read. */
export function parquetInput(name: string, read: () => AsyncIterable<Buffer>) {
  let ending: ContentEnd = { cut: false };
  async function* chunks() {
    ending = { cut: false };
    let bytesGiven = 0;
    try {
      for await (const chunk of read()) {
        yield chunk;
        bytesGiven += chunk.length;
      }
    } catch (error) {
      const whyText = reasonOf(error).split('\n', 1)[0]!.replace(KIND, '');
      ending = { cut: true, whyText, bytesGiven };
    }
  }
  return {
    name,
    description: 'Parquet',
    format: 'parquet',
    chunks,
    async *records(onChunk: (chunk: Buffer) => void): AsyncGenerator<readonly Decoded[]> {
      let first = 1;
      for await (const chunk of chunks()) {
        onChunk(chunk);
        const bytes = Buffer.from(chunk);
        yield [{ kind: 'json', bytes, places: { first } }];
        for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, at + 1)) first++;
      }
      if (ending.cut && ending.bytesGiven === 0)
        throw new LoadError(`${name} can't be read: ${ending.whyText}.`);
    },
    ending: (): ContentEnd => ending,
    fileBytesRead: () => null,
  };
}
