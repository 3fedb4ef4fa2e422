/** A text as words are compared: in lower case, without accents. */
export const unaccented = (text: string) =>
  text
    .trim()
    .toLowerCase()
    .normalize('NFD')
    .replace(/\p{Mn}/gu, '');
