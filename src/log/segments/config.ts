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
      .describe(
        'A segment file is sealed when it would grow past this many bytes; one larger block still fits.',
      ),
    disk_reserve_bytes: z
      .number()
      .int()
      .min(0)
      .default(1024 * MIB)
      .describe(
        'With less free space than this on the disk the log refuses new lines (503) instead of filling it.',
      ),
    queue_bytes_max: z
      .number()
      .int()
      .min(1)
      .default(64 * MIB)
      .describe('Bytes that may wait for the disk; above it the log refuses new lines (503) for a second.'),
    retention: z
      .strictObject({
        max_age_hours: z
          .number()
          .min(0)
          .default(168)
          .describe(
            'Sealed segments whose last line is older are deleted once every reader has passed them; 0 keeps them.',
          ),
        max_bytes: z
          .number()
          .int()
          .min(0)
          .default(0)
          .describe(
            'Oldest sealed segments are deleted above this size once every reader has passed them; 0 is unlimited.',
          ),
      })
      .prefault({})
      .describe('When old segments are deleted. What archive and metrics still need is never deleted.'),
  })
  .describe('The embedded event log: segment files in a folder.');

export type SegmentLogConfig = z.infer<typeof segmentLogConfigSchema>;
