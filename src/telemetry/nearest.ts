import { distance } from 'fastest-levenshtein';

/** What somebody who typed `name` probably meant: a known name of which hardly any letters are wrong; null where none is near. */
export function nearest(name: string, known: readonly string[]): string | null {
  const folded = fold(name);
  let best: { name: string; wrong: number } | null = null;
  for (const candidate of known) {
    const other = fold(candidate);
    // Two letters in each other's place are one mistake.
    const wrong =
      lettersOf(folded) === lettersOf(other) ? Math.min(1, distance(folded, other)) : distance(folded, other);
    const length = Math.min(candidate.length, name.length);
    const isNear = wrong <= (length < 4 ? 1 : Math.max(2, Math.floor(length / 3)));
    if (isNear && (best === null || wrong < best.wrong)) best = { name: candidate, wrong };
  }
  return best?.name ?? null;
}

const fold = (name: string) => name.toLowerCase().replace(/[\s_-]/g, '');

const lettersOf = (folded: string) => [...folded].sort().join('');

/** " Did you mean x?" where a known name is near, else "". */
export function didYouMean(name: string, known: readonly string[]): string {
  const found = nearest(name, known);
  return found === null ? '' : ` Did you mean ${found}?`;
}
