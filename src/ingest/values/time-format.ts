import { DateTime } from 'luxon';

/** What a declared format read: an instant, or a time without a zone, as milliseconds since 1970 as if it were UTC. */
export type FormattedTime = { readonly instantMs: number } | { readonly wallMs: number };

/** Reads times by a format of tokens, https://moment.github.io/luxon/#/parsing?id=table-of-tokens; null where a text does not fit. */
export function createFormatReader(format: string): (text: string) => FormattedTime | null {
  const parser = DateTime.buildFormatParser(format, { locale: 'en-US' });
  const parse = (text: string, zone: string) => DateTime.fromFormatParser(text, parser, { zone });
  return (text) => {
    const time = parse(text, 'UTC');
    if (!time.isValid) return null;
    const ms = time.toMillis();
    // A text that says its zone means the same instant wherever it is read.
    return parse(text, 'UTC+5').toMillis() === ms ? { instantMs: ms } : { wallMs: ms };
  };
}

/** Letters that Luxon takes as they are, which nobody means who writes YYYY. */
const NOT_A_TOKEN = /[AbBCegIjJKlNOpPQrRUvVwY]/;

/** Times that a format must be able to tell apart, as it reads what it writes. */
const SAMPLES = [DateTime.utc(2003, 2, 14, 16, 5, 6), DateTime.utc(2012, 11, 23, 4, 30)];

/** Why `format` can't be used; null when it can. */
export function formatProblem(format: string): string | null {
  const letter = NOT_A_TOKEN.exec(format.replace(/'[^']*'/g, ''))?.[0];
  if (letter !== undefined) {
    return `${letter} is not a token: write years as yyyy, days as dd, and other text in single quotes`;
  }
  try {
    const parser = DateTime.buildFormatParser(format, { locale: 'en-US' });
    for (const sample of SAMPLES) {
      const text = sample.toFormat(format, { locale: 'en-US' });
      const read = DateTime.fromFormatParser(text, parser, { zone: 'UTC' });
      if (read.toISODate() !== sample.toISODate()) {
        return `with it ${sample.toISODate()} is written "${text}", which is not read as that day`;
      }
    }
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
