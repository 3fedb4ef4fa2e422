import { isDocumentName, isOffer, isRefundDocument, OFFERS } from './document-words.ts';
import { unaccented } from './unaccented.ts';

/** What columns say of an order that is not a sale, or not any more: in English, German, French and Spanish. */

const STATUS =
  /stat(?:us|ut|e)$|^technical.?name$|estado|zustand|^etat\b|^(?:order|payment|bestell|financial).?stat/i;
/** An order that waits to be sent is a sale. */
const OF_SENDING = /fulfil|ship|deliver|versand|liefer|livraison|expedi|envio|entrega/i;
/** Columns that say of an order that it was cancelled, or when. */
const CANCELLED =
  /^(?:is[ _-]?|ox)?(?:cancel+ed|cancel+ation|cancel|voided|void|_*deleted|storniert|storno|geloscht|annule|supprime|anulado|cancelado|eliminado)(?:[ _-]?(?:at|on|date|am|le|el|reason|grund|motif|motivo))?$/;
/** The same for why: any text says that it was. */
const REASON = /(?:reason|grund|motif|motivo)$/;
const NO_REASON = /^(?:|-|null|none|n\/a|no|false|0)$/;
/** Columns that say of an order that its money was given back, or when; those with an amount are others. */
const REFUNDED =
  /^(?:is[ _-]?)?(?:fully[ _-]?)?(?:refunded|erstattet|rembourse|reembolsado)(?:[ _-]?(?:at|on|date|am|le|el))?$/;
/** Lists of what was given back of an order, as WooCommerce, Shopify and Square keep them in it. */
const REFUNDS = /^(?:order[ _-]?)?(?:refunds|returns|credit[ _-]?(?:memos|notes))$/;
/** Lists of the payments of an order. */
const PAYMENTS = /^(?:order[ _-]?)?(?:transactions|payments|tenders|zahlungen|paiements|pagos)$/;
/** Columns with the status of an order, which an order has unless it was never completed. */
const OF_ORDER =
  /^(?:(?:orders?|sales?|bestell|auftrags?)[ ._-]?)?status(?:[ ._-]?id)?$|^statut(?: de (?:la )?commande)?$|^estado del? pedido$/;
/** A status by its number, of which the first is 1: OpenCart has 0 where an order was not completed. */
const STATUS_ID = /stat(?:us|e)[ ._-]?id$/;
const DATE = /\d{4}|\d[./-]\d/;
/** Columns that say whether a sale was finished: of one that says no, nothing was sold. */
const FINISHED =
  /^(?:is[ _-]?)?(?:completed?|finali[sz]ed|abgeschlossen|termine|finalizad[oa]|completad[oa])$/;
/** Objects in a record that hold what became of its order. */
const HOLDERS = /^(?:order|payment|transaction|sale|bestellung|zahlung|state_?machine_?state)$/;
const HOLDERS_DEPTH_MAX = 2;
const YES_OR_NO = /^(?:true|false|t|f|yes|no|y|n|1|0|ja|nein|j|oui|non|o|si|s)$/;
const YES = /^(?:true|t|yes|y|1|ja|j|oui|o|si|s)$/;

/** Plentymarkets has the number of a status before its name: `[8.1] Storniert`. */
const BEFORE_STATUS =
  '^(?:wc-|\\[?\\d{1,2}(?:\\.\\d{1,2})?\\]?[ .:)-]+)?(?:(?:orders?|payment|transaction|sale|bestellung|zahlung|commande|paiement|pedido|pago)[ _/-]*)?';
/** How the status of an order begins that was taken back after it may have been a sale. */
const TAKEN_BACK =
  'cancel|void|trash|delet|(?:suspected )?fraud|charge ?back|revers|storn|abgebroch|widerruf|gelosch|annul|anulad|geannul|anulow|avbrut';
/** A status that says that it may come to that, or did not. */
const NOT_YET =
  /^(?:orders? )?(?:cancel|cancel+ation|void|refund|return|charge ?back|storno|stornierung|erstattung|ruckgabe|retoure|annulation|remboursement|retour|cancelacion|anulacion|reembolso|devolucion)s?[ _/-]+(?:is |was |wurde |en )?(?:request|pending|period|deadline|window|possible|allowed|declin|reject|denied|fail|expired|angefragt|beantragt|angefordert|frist|abgelehnt|moglich|demand|refus|cours|solicit|pendient|rechaz)|^(?:storno|ruckgabe|widerrufs)frist|^cancel+ed[ _-]?reversal/;
/** Who did not let a payment through: Braintree's `processor_declined`. */
const NOT_LET_THROUGH =
  '(?:processor|gateway|settlement|authori[sz]ation|bank|issuer|risk|capture)[ _-]?(?:declin|reject|fail|denied|expired|error)';
const startsWith = (words: string) => new RegExp(`${BEFORE_STATUS}(?:${words})`);
/** How a status begins that is of no sale; presets leave such orders out, too. */
const NO_SALE = startsWith(
  `${TAKEN_BACK}|${NOT_LET_THROUGH}|requires[ _]|fail|not[ _-]?finished|pending|unpaid|warte[nt]? auf (?:zahlung|geld)|wait(?:ing)? (?:for|on) payment|await(?!.*(?:fulfil|ship|pick|dispatch|collect|deliver))|expired|declin|reject|refus|abandon|disput|no sale|error|denied|incomplete|abgelehnt|fehlgeschlag|ausstehend|offen|unbezahlt|nicht bezahlt|echou|en attente|impaye|erreur|fallid|rechazad|pendiente|impagad|${OFFERS}`,
);
/** The same for one whose money was given back. */
const GIVEN_BACK = startsWith('refund|return|erstatt|gutschrift|retour|rembours|reembols|devuel');
/** The same for one that never was a sale, whatever comes later. */
const UNSOLD = startsWith(
  `${NOT_LET_THROUGH}|requires[ _](?:payment|action|confirmation|source)|fail|not[ _-]?finished|declin|rejected|refused$|denied|error|incomplete$|expired|abandon|abgelehnt|nicht bezahlt|fehlgeschlag|echou|erreur|refusee?$|fallid|rechazad`,
);
const WITHDRAWN = startsWith(
  `${TAKEN_BACK}|(?:fully |completely |vollstandig |komplett |totalement |totalmente )?(?:refunded|returned|retourniert|(?:zu)?(?:ruck)?erstatt|rembours|reembols|devuel)`,
);
const IN_PART = /part(?:ial|iel|ly)|\bteil|parcial/;
const RETURNED = /refund|return|erstatt|retour|gutschrift|rembours|reembols|devuel|devoluc/;

/** Whether a column says what became of orders. */
export const isStatusName = (name: string) =>
  STATUS.test(unaccented(name)) && !OF_SENDING.test(unaccented(name));

/** Whether a column says whether a sale was finished. */
export const isFinishedName = (name: string) => FINISHED.test(unaccented(name));

/** Whether a column says that an order was cancelled, or when. */
export const isCancelledName = (name: string) => CANCELLED.test(unaccented(name));

/** Whether a column has the status of an order, which each order has that was completed. */
export const isOrderStatus = (name: string) =>
  statusKind(name) === 'status' && OF_ORDER.test(unaccented(name));

export const isNoStatus = (value: unknown) =>
  value === null || (typeof value === 'string' && value.trim() === '');

/** Whether a value of a column is the number of no status. */
export const isNoStatusId = (name: string, word: string) => word === '0' && STATUS_ID.test(unaccented(name));

export const isYesOrNo = (word: string) => YES_OR_NO.test(unaccented(word));
export const isYes = (word: string) => YES.test(unaccented(word));
export const isNoSale = (status: string) =>
  NO_SALE.test(unaccented(status)) && !NOT_YET.test(unaccented(status));
export const isGivenBack = (status: string) =>
  GIVEN_BACK.test(unaccented(status)) || isPartlyRefunded(status);

/** Whether a status is that of an order that was cancelled, or whose money was given back, all of it. */
export const isWithdrawn = (status: string) =>
  WITHDRAWN.test(unaccented(status)) && !NOT_YET.test(unaccented(status)) && !isPartlyRefunded(status);

/** Whether a status is that of an order of which a part of the money was given back. */
const isPartlyRefunded = (status: string) => {
  const text = unaccented(status);
  return IN_PART.test(text) && RETURNED.test(text);
};

type NameKind =
  | 'status'
  | 'document'
  | 'cancelled'
  | 'reason'
  | 'finished'
  | 'refunded'
  | 'refunds'
  | 'payments'
  | 'holder'
  | null;

/** Names that are remembered; of more than so many it is found out each time. */
const REMEMBERED_MAX = 5000;
const kinds = new Map<string, NameKind>();

/** What a column of this name says of an order. */
export function statusKind(name: string): NameKind {
  let kind = kinds.get(name);
  if (kind === undefined) {
    kind = kindOf(unaccented(name));
    if (kinds.size < REMEMBERED_MAX) kinds.set(name, kind);
  }
  return kind;
}

function kindOf(name: string): NameKind {
  if (CANCELLED.test(name)) return REASON.test(name) ? 'reason' : 'cancelled';
  if (FINISHED.test(name)) return 'finished';
  if (REFUNDED.test(name)) return 'refunded';
  if (REFUNDS.test(name)) return 'refunds';
  if (PAYMENTS.test(name)) return 'payments';
  if (HOLDERS.test(name)) return 'holder';
  if (isStatusName(name)) return 'status';
  return isDocumentName(name) ? 'document' : null;
}

const FATES = ['withdrawn', 'partly_refunded', 'unsold', 'refund_document'] as const;

/** What a record says of its order: it was taken back, all or a part of it, never was a sale, or is a credit note; `text` for people. */
export interface Fate {
  readonly fate: (typeof FATES)[number];
  readonly text: string;
}

export const isFate = (code: string): code is Fate['fate'] => (FATES as readonly string[]).includes(code);

/** What a column with this name and value says of the order of its record; null: nothing of the kind. */
export function fateOf(name: string, value: unknown): Fate | null {
  const kind = statusKind(name);
  if (kind === null || value === null || value === undefined) return null;
  if (kind === 'holder')
    return typeof value === 'object' && !Array.isArray(value) ? fateIn(name, value) : null;
  if (kind === 'refunds')
    return Array.isArray(value) && value.length > 0 ? { fate: 'partly_refunded', text: name } : null;
  if (kind === 'payments') return Array.isArray(value) ? fateOfPayments(name, value) : null;
  if (typeof value === 'object') return null;
  const word = String(value).trim();
  if (kind === 'finished')
    return isYesOrNo(word) && !isYes(word) ? { fate: 'unsold', text: `${name}: ${word}` } : null;
  if (kind === 'status' || kind === 'document') {
    const text = `${name}: ${word}`;
    if (kind === 'document') {
      if (isRefundDocument(word)) return { fate: 'refund_document', text };
      if (isOffer(word)) return { fate: 'unsold', text };
    }
    if (isWithdrawn(word)) return { fate: 'withdrawn', text };
    if (isPartlyRefunded(word)) return { fate: 'partly_refunded', text };
    if (isNoStatusId(name, word)) return { fate: 'unsold', text };
    return UNSOLD.test(unaccented(word)) ? { fate: 'unsold', text } : null;
  }
  const isSo =
    kind === 'reason'
      ? !NO_REASON.test(unaccented(word))
      : isYesOrNo(word)
        ? isYes(word)
        : isWithdrawn(word) || (/[1-9]/.test(word) && (kind === 'cancelled' || DATE.test(word)));
  return isSo ? { fate: 'withdrawn', text: name } : null;
}

/** What the payments of an order say: that of the last one, where none is a sale. */
function fateOfPayments(name: string, payments: readonly unknown[]): Fate | null {
  const fates = payments.map((each) =>
    typeof each === 'object' && each !== null ? fateIn(name, each) : null,
  );
  return fates.includes(null) ? null : (fates.at(-1) ?? null);
}

function fateIn(holder: string, members: object, depth = 1): Fate | null {
  for (const [name, value] of Object.entries(members)) {
    const isHolder = statusKind(name) === 'holder' && typeof value === 'object' && value !== null;
    const found = !isHolder
      ? fateOf(name, value)
      : depth < HOLDERS_DEPTH_MAX
        ? fateIn(name, value, depth + 1)
        : null;
    if (found !== null) return { ...found, text: `${holder}.${found.text}` };
  }
  return null;
}
