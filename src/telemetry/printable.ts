/**
 * What a terminal would act on rather than show: control characters (ESC, OSC, C1 and DEL among them), and those that turn
 * the direction of text round or break its line.
 */
const ACTIVE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;
const ACTIVE_BUT_LINE_ENDS =
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;
const NAMED: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Text of others for one place of a line: whatever a terminal would act on is shown as an escape. */
export function printable(text: string): string {
  return text.replace(ACTIVE, (character) => NAMED[character] ?? escaped(character));
}

/** The same for text that consists of lines. */
export function printableLines(text: string): string {
  return text.replace(ACTIVE_BUT_LINE_ENDS, (character) => NAMED[character] ?? escaped(character));
}

/** JSON that says the same, and that a terminal only shows. JSON itself leaves most of these characters as they are. */
export function printableJson(json: string): string {
  return json.replace(ACTIVE_BUT_LINE_ENDS, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
