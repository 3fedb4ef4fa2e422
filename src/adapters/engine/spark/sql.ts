/** Pieces of Spark's SQL. */

/** A text as an SQL string literal: Spark reads escapes in it. */
export function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/** A regular expression as a literal, in which a backslash is a backslash. */
export function pattern(text: string): string {
  return `r'${text}'`;
}

/** A name as a quoted SQL identifier. */
export function identifier(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

/** Whether the whole text has the form; NULL for NULL. (`$` would let a line end at the end pass.) */
export function matches(text: string, form: string): string {
  return `${text} RLIKE ${pattern(`^(${form})\\z`)}`;
}
