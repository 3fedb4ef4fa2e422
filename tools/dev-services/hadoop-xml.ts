/** Properties as Hadoop's configuration files have them. */
export function xml(properties: Record<string, string>): string {
  const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  const lines = Object.entries(properties).map(
    ([name, value]) => `  <property><name>${name}</name><value>${escaped(value)}</value></property>`,
  );
  return `<configuration>\n${lines.join('\n')}\n</configuration>\n`;
}
