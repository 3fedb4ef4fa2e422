import { createHash } from 'node:crypto';
import { access, constants } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Source, SourceContext, SourceStatus } from '../../../ports/source.ts';
import { BLOCK_BYTES_MAX, backoffMs, type OfferTuning, offer, pause } from '../offer.ts';
import type { TailOptions } from './config.ts';
import { findFiles } from './find-files.ts';
import { Registry } from './registry.ts';
import type { TrackedFile } from './tracked-file.ts';

/**
 * A source that follows log files as they grow, through rotation by rename and by copy and truncate, from the place
 * where it was before a restart. It looks every 250 ms rather than wait for fs.watch, which misses events on network
 * and overlay file systems, says nothing of what happened while its queue was full, and ties a watch to an inode.
 */
export function createTailSource(
  options: TailOptions,
  context: SourceContext,
  tuning: OfferTuning = {},
): Source {
  return new TailSource(options, context, tuning);
}

class TailSource implements Source {
  readonly name: string;
  private readonly options: TailOptions;
  private readonly context: SourceContext;
  private readonly tuning: OfferTuning;
  private readonly registry: Registry;
  private readonly stopping = new AbortController();
  private running: Promise<void> | null = null;
  private loaded = false;
  private state: SourceStatus['state'] = 'ready';
  private message = '';
  private lastEventAtMs: number | null = null;
  private readonly counters = { lines: 0, bytes: 0, long_lines: 0, skipped_bytes: 0, faults: 0, refused: 0 };

  constructor(options: TailOptions, context: SourceContext, tuning: OfferTuning) {
    this.options = options;
    this.context = context;
    this.tuning = tuning;
    this.name = options.name;
    const pattern = resolve(options.path);
    const identity = createHash('sha256').update(pattern).digest('hex').slice(0, 16);
    const statePath = join(context.stateDir, `tail-${identity}.json`);
    this.registry = new Registry(pattern, options.files_max, statePath, context);
  }

  start(): void {
    this.running ??= this.run();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  status(): SourceStatus {
    return {
      kind: 'tail',
      state: this.state,
      message: this.message,
      lastEventAtMs: this.lastEventAtMs,
      counters: { ...this.counters, ...this.registry.counters, files: this.registry.files.length },
    };
  }

  async check(): Promise<string> {
    const files = await findFiles(resolve(this.options.path));
    if (files.length === 0) throw new Error(`No file matches ${this.options.path}. Check the path.`);
    for (const { path } of files) {
      await access(path, constants.R_OK).catch(() => {
        throw new Error(`${path} can't be read. Give this user the right to read it.`);
      });
    }
    return `${files.length} file${files.length === 1 ? '' : 's'}, ${files.reduce((sum, file) => sum + file.size, 0)} bytes`;
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    let faults = 0;
    while (!signal.aborted) {
      let waitMs = this.options.every_seconds * 1000;
      try {
        if (await this.pass()) waitMs = 0;
        faults = 0;
      } catch (error) {
        this.counters.faults++;
        this.state = 'waiting';
        this.message = (error as Error).message;
        this.context.log.warn({ source: this.name }, `tail failed: ${this.message}`);
        waitMs = backoffMs(faults++, this.context.random, this.tuning);
      }
      await pause(waitMs, signal);
    }
    // Each position was saved when it moved; what is left are renames and ends. A fault here loses nothing.
    if (this.loaded) await this.registry.save().catch(() => {});
    await this.registry.close();
  }

  /** One look at all files; true when there is more to read at once. */
  private async pass(): Promise<boolean> {
    if (!this.loaded) await this.registry.load();
    this.loaded = true;
    await this.registry.scan();
    let fault: Error | null = null;
    let more = false;
    for (const file of [...this.registry.files]) {
      if (this.stopping.signal.aborted) return false;
      if (this.registry.isBlocked(file)) continue;
      try {
        if (await this.readSome(file)) more = true;
      } catch (error) {
        // One file that can't be read must not hold up the others.
        fault = error as Error;
      }
    }
    await this.registry.save();
    if (fault !== null) throw fault;
    this.state = this.registry.files.length === 0 ? 'waiting' : 'ready';
    this.message = this.registry.files.length === 0 ? `no file matches ${this.options.path} yet` : '';
    return more;
  }

  /** Reads one block of a file; true when the file may have more. */
  private async readSome(file: TrackedFile): Promise<boolean> {
    const { record } = file;
    if (!(await file.open())) {
      this.registry.dropIfGone(file);
      return false;
    }
    const nowMs = this.context.now();
    // The next look at the folder finds out what became of its former content.
    if (await file.wasReplaced(nowMs)) return true;
    const isQuiet = record.rotated && nowMs - file.lastGrowthMs >= this.options.rotate_wait_seconds * 1000;
    if (file.size === record.position) {
      if (isQuiet) record.finished = true;
      return false;
    }
    const block = await file.read(BLOCK_BYTES_MAX);
    if (block === null) return true;
    if (record.skipping) return this.skip(file, block);
    const lineEnd = block.lastIndexOf(0x0a);
    if (lineEnd !== -1) return this.take(file, block.subarray(0, lineEnd + 1), lineEnd + 1);
    if (block.length === BLOCK_BYTES_MAX) {
      this.counters.long_lines++;
      return this.take(file, cutLine(block, this.options.line_bytes_max), block.length, true);
    }
    // A line without its end: its writer is at it, unless the file was rotated away in the middle of it.
    return isQuiet ? this.take(file, Buffer.concat([block, LINE_END]), block.length) : false;
  }

  private async take(file: TrackedFile, body: Buffer, bytes: number, skipRest = false): Promise<boolean> {
    const onWait = (message: string) => {
      this.counters.refused++;
      this.state = 'waiting';
      this.message = message;
      this.context.log.warn({ source: this.name }, message);
    };
    const result = await offer(body, this.name, this.context, this.stopping.signal, onWait, this.tuning);
    if (result === null) return false;
    file.record.position += bytes;
    file.record.skipping = skipRest;
    this.counters.lines += result.accepted + result.rejected;
    this.counters.bytes += bytes;
    this.lastEventAtMs = this.context.now();
    await this.registry.save();
    return true;
  }

  private skip(file: TrackedFile, block: Buffer): boolean {
    const lineEnd = block.indexOf(0x0a);
    const bytes = lineEnd === -1 ? block.length : lineEnd + 1;
    file.record.position += bytes;
    file.record.skipping = lineEnd === -1;
    this.counters.skipped_bytes += bytes;
    return true;
  }
}

const LINE_END = Buffer.from('\n');

/** The beginning of a line, longer than the limit so that ingest sees why it is bad, and whole in its last character. */
function cutLine(block: Buffer, lineBytesMax: number): Buffer {
  let end = lineBytesMax + 5;
  while ((block[end]! & 0xc0) === 0x80 && end > lineBytesMax + 1) end--;
  return Buffer.concat([block.subarray(0, end), LINE_END]);
}
