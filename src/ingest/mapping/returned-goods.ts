/** Refunds that a mapping made of rows which say that goods came back, with the word that says so: an event has only the type `refund`. */
const words = new WeakMap<object, string>();

export function markReturnedGoods(event: object, word: string): void {
  words.set(event, word);
}

export const returnedGoodsOf = (event: object): string | undefined => words.get(event);
