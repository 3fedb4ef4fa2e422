/** The set that the old pipeline's log API served, and what is right for it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

/** A JSON array of 4,000 entries. */
export function oldPipelineText(): string {
  return gunzipSync(readFileSync(oldPipelineFile())).toString('utf8');
}

export function oldPipelineFile(): string {
  return join(import.meta.dirname, '..', 'golden', 'old-pipeline-logs.json.gz');
}

/** Counted by hand with grep, sort and uniq over the file. */
export const OLD_PIPELINE = {
  eventTypes: { view_product: 3854, checkout: 58, add_to_cart: 44, purchase: 44 },
  deviceTypes: { mobile: 2983, desktop: 1017 },
  statusClasses: { '2xx': 2647, '4xx': 1030, '5xx': 323 },
  /** By window start, in UTC. */
  days: Object.fromEntries(
    Object.entries({
      '2024-10-15': 214,
      '2024-10-16': 216,
      '2024-10-17': 209,
      '2024-10-18': 208,
      '2024-10-19': 179,
      '2024-10-20': 183,
      '2024-10-21': 215,
      '2024-10-22': 193,
      '2024-10-23': 201,
      '2024-10-24': 195,
      '2024-10-25': 211,
      '2024-10-26': 224,
      '2024-10-27': 240,
      '2024-10-28': 245,
      '2024-10-29': 215,
      '2024-10-30': 218,
      '2024-10-31': 197,
      '2024-11-01': 205,
      '2024-11-02': 232,
    }).map(([day, events]) => [`${day}T00:00:00Z`, events]),
  ),
} as const;
