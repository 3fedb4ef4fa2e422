import { promisify } from 'node:util';
import { gunzip, zstdDecompress } from 'node:zlib';
import type { FastifyRequest } from 'fastify';
import { ApiError } from '../domain/errors.ts';
import type { ServerConfig } from './config.ts';

const decoders = { gzip: promisify(gunzip), 'x-gzip': promisify(gunzip), zstd: promisify(zstdDecompress) };

/** Bytes of bodies that are held at the moment, over all requests. */
export class BodyBudget {
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  take(bytes: number): void {
    if (this.#bytes + bytes > this.#bytesMax) {
      throw new ApiError('too_many_requests', 'Too many bytes are being received at the moment.', 1);
    }
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
  const encoding = encodingOf(request);
  const declared = Number(request.headers['content-length'] ?? config.body_bytes_max);
  if (declared > config.body_bytes_max) {
    throw new ApiError('too_large', `The body has ${declared} bytes; the limit is ${config.body_bytes_max}.`);
  }
  const reserved = declared + (encoding === null ? 0 : config.decoded_bytes_max);
  budget.take(reserved);
  try {
    const sent = await readAll(request, config.body_bytes_max);
    return await use(encoding === null ? sent : await decode(sent, encoding, config.decoded_bytes_max));
  } finally {
    budget.give(reserved);
  }
}

function encodingOf(request: FastifyRequest): keyof typeof decoders | null {
  const encoding = request.headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  if (encoding === 'identity') return null;
  if (encoding in decoders) return encoding as keyof typeof decoders;
  throw new ApiError('unsupported_encoding', `The Content-Encoding "${encoding}" is not supported.`);
}

async function readAll(request: FastifyRequest, bytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request.raw as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > bytesMax) break;
      chunks.push(chunk);
    }
  } catch (error) {
    throw new ApiError(
      'bad_request',
      `The body broke off: ${error instanceof Error ? error.message : error}.`,
    );
  }
  if (bytes > bytesMax)
    throw new ApiError('too_large', `The body has more than ${bytesMax} bytes, which is the limit.`);
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}

async function decode(sent: Buffer, encoding: keyof typeof decoders, bytesMax: number): Promise<Buffer> {
  try {
    return await decoders[encoding](sent, { maxOutputLength: bytesMax });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new ApiError(
        'too_large',
        `The body is larger than ${bytesMax} bytes when decompressed, which is the limit.`,
      );
    }
    throw new ApiError('bad_encoding', `The body is not valid ${encoding}.`);
  }
}
