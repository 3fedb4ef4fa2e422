import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib';
import type { FastifyRequest } from 'fastify';
import { ApiError } from '../telemetry/errors.ts';
import type { ServerConfig } from './config.ts';

type Encoding = 'gzip' | 'zstd' | 'br' | 'deflate';
const ENCODINGS: Record<string, Encoding> = {
  gzip: 'gzip',
  'x-gzip': 'gzip',
  zstd: 'zstd',
  br: 'br',
  deflate: 'deflate',
};
const DECODERS = {
  gzip: createGunzip,
  zstd: createZstdDecompress,
  br: createBrotliDecompress,
  deflate: createInflate,
} as const;
const DECODED_CHUNK_BYTES_MAX = 256 * 1024;
/** A zstd body may consist of several frames, as parallel compressors write them. */
const ZSTD_FRAMES_MAX = 1000;

/** Bytes of bodies that are held at the moment, over all requests. */
export class BodyBudget {
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  check(bytes: number): void {
    if (this.#bytes + bytes > this.#bytesMax) {
      throw new ApiError('too_many_requests', 'Too many bytes are being received at the moment.', 1);
    }
  }

  take(bytes: number): void {
    this.check(bytes);
    this.#bytes += bytes;
  }

  give(bytes: number): void {
    this.#bytes -= bytes;
  }
}

/** Reads the body of a request, as it was sent and then decoded, within the limits. `use` gets it while it is paid for. */
export async function withBody<T>(
  request: FastifyRequest,
  config: ServerConfig,
  budget: BodyBudget,
  use: (body: Buffer) => Promise<T>,
): Promise<T> {
  // Paid for as it comes: a client that sends slowly, or little, must not hold room that others need.
  let paid = 0;
  const pay = (bytes: number) => {
    budget.take(bytes);
    paid += bytes;
  };
  try {
    const encoding = encodingOf(request);
    const declared = Number(request.headers['content-length'] ?? 0);
    if (declared > config.body_bytes_max) {
      throw new ApiError(
        'too_large',
        `The body has ${declared} bytes; the limit is ${config.body_bytes_max}.`,
      );
    }
    budget.check(declared);
    const sent = await readAll(request, config.body_bytes_max, pay);
    return await use(encoding === null ? sent : await decode(sent, encoding, config.decoded_bytes_max, pay));
  } finally {
    budget.give(paid);
  }
}

function encodingOf(request: FastifyRequest): Encoding | null {
  const encoding = request.headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  if (encoding === 'identity') return null;
  const known = Object.hasOwn(ENCODINGS, encoding) ? ENCODINGS[encoding] : undefined;
  if (known) return known;
  throw new ApiError(
    'unsupported_encoding',
    `The Content-Encoding "${encoding.slice(0, 64)}" is not supported.`,
  );
}

async function readAll(
  request: FastifyRequest,
  bytesMax: number,
  pay: (bytes: number) => void,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    // Leaving the loop must not end the connection: the answer is still to be sent.
    for await (const chunk of request.raw.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > bytesMax)
        throw new ApiError('too_large', `The body has more than ${bytesMax} bytes, which is the limit.`);
      pay(chunk.length);
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw new ApiError('bad_request', 'The request body was cut off.');
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}

async function decode(
  sent: Buffer,
  encoding: Encoding,
  bytesMax: number,
  pay: (bytes: number) => void,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  let rest = sent;
  const chunkSize = Math.min(DECODED_CHUNK_BYTES_MAX, Math.max(4096, sent.length * 8));
  try {
    for (let frames = 0; frames === 0 || (encoding === 'zstd' && rest.length > 0); frames++) {
      if (frames === ZSTD_FRAMES_MAX)
        throw new ApiError('bad_encoding', `The body has more than ${ZSTD_FRAMES_MAX} zstd frames.`);
      const decoder = DECODERS[encoding]({ chunkSize });
      decoder.end(rest);
      for await (const chunk of decoder as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        if (bytes > bytesMax) {
          throw new ApiError(
            'too_large',
            `The body is larger than ${bytesMax} bytes when decompressed, which is the limit.`,
          );
        }
        pay(chunk.length);
        chunks.push(chunk);
      }
      // Node's decoder stops after the first zstd frame and says nothing of what follows.
      rest = rest.subarray(decoder.bytesWritten);
    }
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw new ApiError('bad_encoding', `The body is not valid ${encoding}.`);
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}
