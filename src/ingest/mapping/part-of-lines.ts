/** Lists of lines of which a mapping has left some out, such as promotions: the total of their order may be lower than they are. */
const parts = new WeakSet<object>();

export function markPartOfLines(lines: readonly unknown[]): void {
  parts.add(lines);
}

export const isPartOfLines = (lines: unknown): boolean =>
  typeof lines === 'object' && lines !== null && parts.has(lines);
