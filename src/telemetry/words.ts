/** Pieces of messages that many of them have. */

/** A number of things: "1 event", "2 events". */
export function counted(count: number, noun: string, nouns = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : nouns}`;
}

/** What there is to choose from: "mdy, dmy or ymd". What is not a plain word stands in quotes. */
export function alternatives(values: readonly string[]): string {
  const shown = values.map((value) => (/^[\w-][\w.-]*$/.test(value) ? value : JSON.stringify(value)));
  return shown.length < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} or ${shown.at(-1)}`;
}
