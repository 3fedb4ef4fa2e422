import { distance } from 'fastest-levenshtein';

/** What somebody who typed `name` probably meant: a known name of which hardly any letters are wrong; null where none is near. */
export function nearest(name: string, known: readonly string[]): string | null {
  const folded = fold(name);
  let best: { name: string; wrong: number } | null = null;
  for (const candidate of known) {
    const wrong = distance(folded, fold(candidate));
    const length = Math.min(candidate.length, name.length);
    const isNear = wrong <= (length < 4 ? 1 : Math.max(2, Math.floor(length / 3)));
    if (isNear && (best === null || wrong < best.wrong)) best = { name: candidate, wrong };
  }
  return best?.name ?? null;
}

const fold = (name: string) => name.toLowerCase().replace(/[\s_-]/g, '');

/** " Did you mean x?" where a known name is near, else "". */
export function didYouMean(name: string, known: readonly string[]): string {
  const found = nearest(name, known);
  return found === null ? '' : ` Did you mean ${found}?`;
}
