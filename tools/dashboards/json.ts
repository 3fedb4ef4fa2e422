const WIDTH = 110;

/** JSON as the project's formatter writes it, so that it has nothing to change: lists of plain values on one line. */
export function formatted(value: unknown, indent = '', taken = 0): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const deeper = `${indent}  `;
  if (Array.isArray(value)) {
    if (value.length === 0) return '[]';
    if (value.every((item) => typeof item !== 'object')) {
      const line = `[${value.map((item) => JSON.stringify(item)).join(', ')}]`;
      if (indent.length + taken + line.length < WIDTH) return line;
    }
    return `[\n${value.map((item) => deeper + formatted(item, deeper)).join(',\n')}\n${indent}]`;
  }
  const entries = Object.entries(value).filter(
    ([, item]) => item !== undefined && typeof item !== 'function',
  );
  if (entries.length === 0) return '{}';
  const lines = entries.map(([name, item]) => {
    const key = `${JSON.stringify(name)}: `;
    return `${deeper}${key}${formatted(item, deeper, key.length)}`;
  });
  return `{\n${lines.join(',\n')}\n${indent}}`;
}
