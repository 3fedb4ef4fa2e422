import { RE2JS } from 're2js';

/** What a text has at the first group of the pattern, or all that it matches; null where it doesn't. */
export type Pattern = (text: string) => string | null;

/** Steps that an expression may take for each character; `{200}` repeats what is before it so often. */
const STEPS_MAX = 2000;

/**
 * Compiles a regular expression of RE2's syntax, which takes time in proportion to the text, whatever the expression
 * (https://github.com/google/re2/wiki/Syntax). Throws a sentence where it is none.
 */
export function compilePattern(source: string): Pattern {
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(source);
  } catch (error) {
    throw new Error(`is not a regular expression that RE2 reads: ${(error as Error).message}`);
  }
  const steps = compiled.programSize();
  if (steps > STEPS_MAX)
    throw new Error(
      `is too large: it takes ${steps} steps for a character; at most ${STEPS_MAX} are allowed`,
    );
  return (text) => {
    const matcher = compiled.matcher(text);
    if (!matcher.find()) return null;
    return matcher.groupCount() > 0 ? (matcher.group(1) ?? null) : (matcher.group() ?? null);
  };
}
