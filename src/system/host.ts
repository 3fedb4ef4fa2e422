/** Whether a host's name or address is of this machine alone. An IPv6 address may be in brackets, as in a URL. */
export function isLoopback(host: string): boolean {
  return /^(localhost|\[?::1\]?|127\.\d+\.\d+\.\d+)$/.test(host);
}

/** The host to put into an address that opens: "all addresses of this machine" is none, so it is this machine's own. */
export function hostToOpen(host: string): string {
  const plain = host.replace(/^\[|\]$/g, '');
  if (/^[0:]+$/.test(plain) && plain.includes(':')) return '[::1]';
  if (/^0+(\.0+){0,3}$/.test(plain)) return '127.0.0.1';
  return plain.includes(':') ? `[${plain}]` : plain;
}
