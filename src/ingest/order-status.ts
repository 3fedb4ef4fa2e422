/** What columns say of an order that is not a sale, or not any more: in English, German, French and Spanish. */

const STATUS = /stat(?:us|ut|e)$|estado|zustand|^etat\b|^(?:order|payment|bestell|financial).?stat/i;
/** An order that waits to be sent is a sale. */
const OF_SENDING = /fulfil|ship|deliver|versand|liefer|livraison|expedi|envio|entrega/i;
/** Columns with kinds of documents, of which some are no sales. */
const KIND_OF_DOCUMENT = /^(?:transaction|document|beleg|order|sale).?(?:type|art|typ)$/i;
/** Columns that say of an order that it was cancelled, or when. */
const CANCELLED =
  /^(?:is[ _-]?)?(?:cancel+ed|cancel+ation|voided|storniert|annule|anulado|cancelado)(?:[ _-]?(?:at|on|date|am|le|el))?$/;
const YES_OR_NO = /^(?:true|false|t|f|yes|no|y|n|1|0|ja|nein|oui|non|si)$/;
const YES = /^(?:true|t|yes|y|1|ja|oui|si)$/;

const BEFORE_STATUS =
  '^(?:wc-)?(?:(?:orders?|payment|transaction|sale|bestellung|zahlung|commande|paiement|pedido|pago)[ _/-]*)?';
/** How the status of an order begins that was taken back after it may have been a sale. */
const TAKEN_BACK = 'cancel|void|trash|fraud|charge ?back|storn|annul|anulad';
const startsWith = (words: string) => new RegExp(`${BEFORE_STATUS}(?:${words})`);
/** How a status begins that is of no sale; presets leave such orders out, too. */
const NO_SALE = startsWith(
  `${TAKEN_BACK}|fail|pending|unpaid|await|expired|draft|declin|reject|refus|abandon|disput|no sale|quote|abgebroch|abgelehnt|fehlgeschlag|ausstehend|offen|unbezahlt|nicht bezahlt|entwurf|angebot|lieferschein|echou|en attente|impaye|brouillon|devis|fallid|rechazad|pendiente|impagad|borrador`,
);
/** The same for one whose money was given back. */
const GIVEN_BACK = startsWith('refund|return|erstatt|gutschrift|retour|rembours|reembols|devuel');
const WITHDRAWN = startsWith(`${TAKEN_BACK}|refunded|returned|erstatt|rembours|reembols|devuel`);

export const unaccented = (text: string) =>
  text
    .trim()
    .toLowerCase()
    .normalize('NFD')
    .replace(/\p{Mn}/gu, '');

/** Whether a column says what became of orders. */
export const isStatusName = (name: string) =>
  STATUS.test(unaccented(name)) && !OF_SENDING.test(unaccented(name));

/** Whether a column says which kind of document a row is. */
export const isDocumentName = (name: string) => KIND_OF_DOCUMENT.test(unaccented(name));

/** Whether a column says that an order was cancelled, or when. */
export const isCancelledName = (name: string) => CANCELLED.test(unaccented(name));

export const isYesOrNo = (word: string) => YES_OR_NO.test(unaccented(word));
export const isYes = (word: string) => YES.test(unaccented(word));
export const isNoSale = (status: string) => NO_SALE.test(unaccented(status));
export const isGivenBack = (status: string) => GIVEN_BACK.test(unaccented(status));

/** Whether a status is that of an order that was cancelled, or whose money was given back, all of it. */
export const isWithdrawn = (status: string) => WITHDRAWN.test(unaccented(status));

type NameKind = 'status' | 'cancelled' | null;

/** Names that are remembered; of more than so many it is found out each time. */
const REMEMBERED_MAX = 5000;
const kinds = new Map<string, NameKind>();

/** What a column of this name says of an order. */
export function statusKind(name: string): NameKind {
  let kind = kinds.get(name);
  if (kind === undefined) {
    kind = isCancelledName(name) ? 'cancelled' : isStatusName(name) || isDocumentName(name) ? 'status' : null;
    if (kinds.size < REMEMBERED_MAX) kinds.set(name, kind);
  }
  return kind;
}

/** Whether a column with this name and value says that its order was cancelled, or that all of its money was given back. */
export function saysWithdrawn(name: string, value: unknown): boolean {
  const kind = statusKind(name);
  if (kind === null || value === null || value === undefined || typeof value === 'object') return false;
  const text = String(value).trim();
  if (kind === 'status') return isWithdrawn(text);
  return text !== '' && (isYesOrNo(text) ? isYes(text) : /[1-9]/.test(text) || isWithdrawn(text));
}
