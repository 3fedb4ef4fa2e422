const TOTAL =
  /^(?:(?:grand|sub|zwischen|gesamt|net|overall)[ -]?)?(?:totals?|totale|totaux|totaal|sum|summe|gesamt|insgesamt|suma|somme)(?: general)?\s*:?$/i;
const LENGTH_MAX = 24;

/** Whether a text in place of an id or a name says that the row is the sum of others. */
export function isTotalWord(text: string): boolean {
  return text.length <= LENGTH_MAX && TOTAL.test(text.trim());
}
