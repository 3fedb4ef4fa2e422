/** Words, in lower case, that exports write where a text or an id is missing. */
export const NULL_WORDS: readonly string[] = [
  '-',
  'null',
  '\\n',
  'undefined',
  'none',
  'nan',
  'n/a',
  '#n/a',
  '(not set)',
  '(none)',
];
/** What shops write in place of a user's id besides, for visitors who have not logged in. */
export const NULL_USERS: readonly string[] = ['0', '-1', 'guest', 'anonymous'];
