import { z } from 'zod';

const MIB = 1024 * 1024;

/** Settings of the embedded event log, as they stand in the config file. */
export const segmentLogConfigSchema = z
  .strictObject({
    segment_bytes_max: z
      .number()
      .int()
      .min(1)
      .default(128 * MIB)
      .describe('Largest size of a segment file. A larger single block still fits.'),
    disk_reserve_bytes: z
      .number()
      .int()
      .min(0)
      .default(1024 * MIB)
      .describe('If less disk space than this is free, the log refuses new lines (503).'),
    queue_bytes_max: z
      .number()
      .int()
      .min(1)
      .default(64 * MIB)
      .describe(
        'Most bytes that wait for the disk. Above that, the log refuses new lines (503) for a second.',
      ),
    retention: z
      .strictObject({
        max_age_hours: z
          .number()
          .min(0)
          .default(168)
          .describe(
            'Closed segments whose last line is older than this are deleted once archive and metrics have read them. 0 keeps them.',
          ),
        max_bytes: z
          .number()
          .int()
          .min(0)
          .default(0)
          .describe(
            'If the log is larger than this, the oldest closed segments are deleted once archive and metrics have read them. 0: no limit.',
          ),
      })
      .prefault({})
      .describe('When old segments are deleted. Lines that archive or metrics still need are never deleted.'),
  })
  .describe('The embedded event log: segment files in a folder.');

export type SegmentLogConfig = z.infer<typeof segmentLogConfigSchema>;
