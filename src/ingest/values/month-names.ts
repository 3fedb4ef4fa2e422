/** A month after the other: English, German, French, Spanish, Italian and Dutch, in small letters without accents. */
const NAMES = [
  'january jan januar janner jan janvier janv enero ene gennaio gen januari',
  'february feb februar feber fevrier fevr fev febrero febbraio februari',
  'march mar marz mrz maerz mars marzo maart mrt',
  'april apr avril avr abril abr aprile',
  'may mai mayo maggio mag mei',
  'june jun juni juin junio giugno giu',
  'july jul juli juillet juil julio luglio lug',
  'august aug aout agosto ago augustus',
  'september sep sept septembre septiembre setiembre settembre set',
  'october oct oktober okt octobre octubre ottobre ott',
  'november nov novembre noviembre',
  'december dec dezember dez decembre diciembre dic dicembre',
];

const MONTHS = new Map(NAMES.flatMap((names, index) => names.split(' ').map((name) => [name, index + 1])));

/** 1 to 12 for the name of a month, or its short form; 0 for a word that is not one. No word means two months. */
export function monthOfName(name: string): number {
  const folded = name.toLowerCase();
  return MONTHS.get(folded) ?? MONTHS.get(folded.normalize('NFD').replaceAll(/\p{M}/gu, '')) ?? 0;
}
