/** Longer texts are never one of them. */
const LENGTH_MAX = 16;

/** Tells whether a trimmed text is empty or one of `words`, which are in lower case. */
export function createNullCheck(words: readonly string[]): (text: string) => boolean {
  const known = new Set(words.map((word) => word.trim().toLowerCase()));
  const lengthMax = [...known].reduce((most, { length }) => Math.max(most, length), LENGTH_MAX);
  return (text) => text === '' || (text.length <= lengthMax && known.has(text.toLowerCase()));
}
