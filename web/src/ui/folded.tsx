import type { MetricName } from '../api.ts';
import { count } from '../format.ts';
import { metrics } from '../state/metrics.ts';

/** Says that a key has more values than are named; nothing where all are. */
export function Folded({ metric, name, of }: { metric: MetricName; name: string; of: string }) {
  const n = metrics[metric].value.folded[name];
  if (!n) return null;
  return (
    <p class="note">
      {count(n)} more {of}: added up as “other”.
    </p>
  );
}
