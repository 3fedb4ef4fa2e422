import { access, constants, open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { SAMPLE_BYTES_MAX } from '../../ingest/format.ts';
import { sleep } from '../../system/sleep.ts';
import { messageOf } from '../../telemetry/system-error.ts';
import { counted } from '../../telemetry/words.ts';
import { BLOCK_BYTES_MAX, backoffMs, ingestWithRetry, type RetryTuning } from '../ingest-with-retry.ts';
import { detectOptionsOf } from '../read-options.ts';
import type { Source, SourceContext, SourceStatus } from '../source.ts';
import type { TailOptions } from './config.ts';
import { findFiles } from './find-files.ts';
import { PackedContent } from './packed-content.ts';
import { readAt } from './read-file.ts';
import { detectSample, findFormat, type LineOptions, type ReadLines, readLines } from './read-lines.ts';
import { Registry } from './registry.ts';
import type { TrackedFile } from './tracked-file.ts';

/** A last line without a line end is taken when a file has been quiet for so long: writers flush their buffers before. */
const QUIET_MS_MIN = 60_000;
/** Files and refusals that a message names. */
const NAMED_MAX = 3;

/**
 * A source that follows log files as they grow, through rotation by rename and by copy and truncate, from the place
 * where it was before a restart. It looks every 250 ms rather than wait for fs.watch, which misses events on network
 * and overlay file systems, says nothing of what happened while its queue was full, and ties a watch to an inode.
 */
export function createTailSource(
  options: TailOptions,
  context: SourceContext,
  tuning: RetryTuning = {},
): Source {
  return new TailSource(options, context, tuning);
}

class TailSource implements Source {
  readonly name: string;
  private readonly options: TailOptions;
  private readonly context: SourceContext;
  private readonly tuning: RetryTuning;
  private readonly registry: Registry;
  private readonly lineOptions: LineOptions;
  private readonly stopping = new AbortController();
  private running: Promise<void> | null = null;
  private loaded = false;
  private state: SourceStatus['state'] = 'ready';
  private message = '';
  private lastEventAtMs: number | null = null;
  private readonly counters = {
    lines: 0,
    bytes: 0,
    long_lines: 0,
    skipped_bytes: 0,
    faults: 0,
    refused: 0,
    cut_files: 0,
  };

  constructor(options: TailOptions, context: SourceContext, tuning: RetryTuning) {
    this.options = options;
    this.context = context;
    this.tuning = tuning;
    this.name = options.name;
    this.lineOptions = {
      encoding: options.encoding,
      detect: detectOptionsOf(options, context.detecting),
      lineBytesMax: options.line_bytes_max,
    };
    const pattern = resolve(options.path);
    this.registry = new Registry(pattern, options.files_max, context, this.stopping.signal);
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
      counters: {
        ...this.counters,
        ...this.registry.counters,
        files: this.registry.files.length,
        refused_files: this.registry.files.filter(({ isRejected }) => isRejected).length,
        waiting_bytes: this.registry.files.reduce((sum, { waitingBytes }) => sum + waitingBytes, 0),
      },
    };
  }

  async check(): Promise<string> {
    const files = await findFiles(resolve(this.options.path));
    if (files.length === 0) throw new Error(`No file matches ${this.options.path}. Check the path.`);
    const formats = new Set<string>();
    for (const { path, size } of files) {
      await access(path, constants.R_OK).catch(() => {
        throw new Error(`${path} can't be read. Give this user the right to read it.`);
      });
      if (size > 0) formats.add(await this.formatOf(path));
    }
    const bytes = files.reduce((sum, file) => sum + file.size, 0);
    const what = `${counted(files.length, 'file')}, ${counted(bytes, 'byte')}`;
    return formats.size === 0 ? what : `${what}; read as ${[...formats].slice(0, NAMED_MAX).join('; ')}`;
  }

  /** What a file is read as, or an error that names the file. */
  private async formatOf(path: string): Promise<string> {
    await using handle = await open(path);
    const packed = new PackedContent(handle);
    const isPacked = await packed.isPacked();
    const start = isPacked
      ? await packed.readAt(0, SAMPLE_BYTES_MAX)
      : await readAt(handle, 0, SAMPLE_BYTES_MAX);
    await packed.close();
    const found = detectSample(start, start.length < SAMPLE_BYTES_MAX, this.lineOptions);
    if ('refusal' in found) throw new Error(`${path} ${found.refusal}. Check path and format of the source.`);
    return found.description;
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    let failures = 0;
    while (!signal.aborted) {
      let waitMs = this.options.every_seconds * 1000;
      try {
        if (await this.pass()) waitMs = 0;
        failures = 0;
      } catch (error) {
        this.counters.faults++;
        this.state = 'waiting';
        this.message = messageOf(error);
        this.context.log.warn({ source: this.name }, `tail failed: ${this.message}`);
        waitMs = backoffMs(failures++, this.context.random, this.tuning);
      }
      await sleep(waitMs, signal);
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
    let failure: Error | null = null;
    let more = false;
    for (const file of [...this.registry.files]) {
      if (this.stopping.signal.aborted) return false;
      if (this.registry.isBlocked(file)) continue;
      try {
        if (await this.readSome(file)) more = true;
      } catch (error) {
        // One file that can't be read must not hold up the others.
        failure = error as Error;
      }
    }
    await this.registry.save();
    if (failure !== null) throw failure;
    this.describe();
    return more;
  }

  /** State and message, from what all files are waiting for. */
  private describe(): void {
    const { files } = this.registry;
    const refused = files.filter(({ isRejected }) => isRejected);
    const waiting = files.filter(({ waitingBytes, isRejected }) => waitingBytes > 0 && !isRejected);
    this.state = files.length === 0 ? 'waiting' : refused.length > 0 ? 'failed' : 'ready';
    const all = [
      ...refused.map(({ record, refusal }) => `${record.path} ${refusal}`),
      ...waiting.map(
        (file) =>
          `${counted(file.waitingBytes, 'byte')} of ${file.record.path} ${file.waitingBytes === 1 ? 'waits' : 'wait'}: ${waitingFor(file)}`,
      ),
    ];
    const more = all.length > NAMED_MAX ? [`and ${all.length - NAMED_MAX} more`] : [];
    this.message =
      files.length === 0
        ? `no file matches ${this.options.path} yet`
        : [...all.slice(0, NAMED_MAX), ...more].join('; ');
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
    const quietMs = nowMs - file.lastGrowthMs;
    const rotateWaitMs = this.options.rotate_wait_seconds * 1000;
    const isSettled = quietMs >= Math.max(rotateWaitMs, QUIET_MS_MIN);
    const isQuiet = record.rotated && quietMs >= rotateWaitMs;
    file.waitingBytes = file.size - record.position;
    // It may still be packed at this moment.
    if (file.isCut && !isSettled) return false;
    if (file.size === record.position) {
      if (isQuiet || record.isPacked) this.finish(file);
      return false;
    }
    const isComplete = isQuiet || isSettled || record.isPacked;
    if (!(await findFormat(file, isComplete, this.lineOptions))) return false;
    const block = await file.read(BLOCK_BYTES_MAX);
    if (block === null) return true;
    if (record.skipping) return this.skip(file, block);
    const isEnd = isComplete && record.position + block.length === file.size;
    const lines = readLines(file, block, isEnd, this.lineOptions);
    return lines === null ? false : this.take(file, block, lines);
  }

  private finish({ record, isCut }: TrackedFile): void {
    if (isCut && !record.finished) {
      this.counters.cut_files++;
      this.context.log.warn(
        { path: record.path, bytes: record.position },
        'compressed file is truncated or damaged: the complete part was read',
      );
    }
    record.finished = true;
  }

  private async take(file: TrackedFile, block: Buffer, lines: ReadLines): Promise<boolean> {
    const { record } = file;
    // Its ids must be the same after a crash.
    if (record.position === 0) await this.registry.save();
    const result = await ingestWithRetry({
      body: lines.pieces,
      ids: { prefix: record.idPrefix, next: record.records + 1 },
      source: this.name,
      context: this.context,
      signal: this.stopping.signal,
      onWait: (message) => {
        this.counters.refused++;
        this.state = 'waiting';
        this.message = message;
        this.context.log.warn({ source: this.name }, message);
      },
      tuning: this.tuning,
    });
    if (result === null) return false;
    const records = result.accepted + result.rejected;
    file.advance(block, lines.bytes);
    file.waitingBytes = file.size - record.position;
    record.skipping = lines.isLong;
    record.records += records;
    if (lines.directive !== null) record.directive = lines.directive;
    if (lines.isLong) this.counters.long_lines++;
    this.counters.lines += records;
    this.counters.bytes += lines.bytes;
    this.lastEventAtMs = this.context.now();
    await this.registry.save();
    return true;
  }

  private skip(file: TrackedFile, block: Buffer): boolean {
    const lineEnd = block.indexOf(0x0a);
    const bytes = lineEnd === -1 ? block.length : lineEnd + 1;
    file.advance(block, bytes);
    file.record.skipping = lineEnd === -1;
    this.counters.skipped_bytes += bytes;
    return true;
  }
}

function waitingFor({ isCut, refusal, format }: TrackedFile): string {
  if (isCut) return 'the compressed data is incomplete';
  if (refusal !== '') return `the file ${refusal}`;
  return format === null ? 'the first line has no end yet' : 'the last record has no end yet';
}
