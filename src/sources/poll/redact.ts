/** Shorter texts occur by chance in messages. */
const SECRET_LENGTH_MIN = 4;
const SCHEMES = /^(basic|bearer|digest|token)$/i;

/** Takes the secrets of a source out of messages: a server may repeat them in its answer. */
export function createRedactor(
  url: URL,
  headers: Readonly<Record<string, string>>,
): (text: string) => string {
  const password = decodeURIComponent(url.password);
  const secrets = [
    password,
    ...url.searchParams.values(),
    // "Bearer KEY": the key alone, too.
    ...Object.values(headers).flatMap((value) => [value, ...value.split(' ')]),
  ]
    .filter((secret) => secret.length >= SECRET_LENGTH_MIN && !SCHEMES.test(secret))
    .sort((a, b) => b.length - a.length);
  return (text) => secrets.reduce((clean, secret) => clean.replaceAll(secret, '***'), text);
}
