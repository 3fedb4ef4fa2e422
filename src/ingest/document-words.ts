import { unaccented } from './unaccented.ts';

/**
 * Columns that say which kind of document or transaction a row is, and what they say: in English, German, French and Spanish. Those with
 * the way to pay are others.
 */

const OF_WHAT =
  'transactions?|transaktions?|documents?|doc|dokument|beleg|orders?|bestell|auftrags?|sales?|verkaufs?|invoice|rechnungs?|buchungs?|vorgangs?|umsatz|record|row|entry';
const NAME = new RegExp(
  `^(?:(?:(?:${OF_WHAT})[ ._-]?)?(?:type|typ|art)|(?:${OF_WHAT})[ ._-]?kind|event[ ._-]?code|tipo|(?:type|tipo|nature|clase)[ ._-](?:de[ ._-]|d['’ ]|del[ ._-])?(?:document|documento|facture|factura|transaction|transaccion|operation|operacion|piece|mouvement|movimiento|comprobante|vente|venta|commande|pedido)|vorgang|beleg|dokument|document|documento|comprobante|operation|operacion)$`,
);

/** What stands before a kind of document and leaves it that: `partial refund`, `Kundengutschrift`. */
const BEFORE =
  '(?:(?:partial|full|sales?|customers?|payment|order|invoice|tax|client|express checkout|teil|voll|kunden|verkaufs|rechnungs|waren|sammel)[ -]*)*';
const BEHIND =
  '(?: de (?:pago|paiement|vente|venta))?(?: (?:issued|created|client|cliente|total|totale?|partiel|partielle|parcial))?';
/** Goods that come back, for which another document may give the money back. */
const GOODS = 'returns?|returned|retouren?|rucksendung(?:en)?|ruckgaben?|retours?|devolucion(?:es)?';
const MONEY =
  "credit[ -]?(?:notes?|memos?|invoices?)|refund(?:s|ed)?|charge ?backs?|reversals?|gutschrift(?:en)?|storno(?:rechnung|gutschrift|beleg)(?:en|e)?|rechnungskorrektur|korrekturrechnung|retourengutschrift|ruck(?:erstattung|zahlung|buchung|lastschrift)|erstattung(?:en)?|(?:facture d['’ ]?)?avoirs?|notes? de credit|remboursements?|(?:factura de )?abonos?|notas? de (?:credito|abono)|(?:factura )?rectificativa|reembolsos?|contracargos?";
const REFUND = new RegExp(`^${BEFORE}(?:${GOODS}|${MONEY})${BEHIND}$`);
const RETURN = new RegExp(`^${BEFORE}(?:${GOODS})${BEHIND}$`);

/** How the name of a document begins with which nothing is sold yet. */
export const OFFERS =
  'quot(?:e|ation)|estimate|pro ?-?forma|draft|delivery note|packing slip|angebot|kostenvoranschlag|lieferschein|entwurf|devis|bon de livraison|brouillon|presupuesto|albaran|borrador';
/**
 * Words of rows of a payment service that move money of the shop, hold it or say once more what a payment was for, and are of no order. PayPal's
 * are from exports in public repositories, such as tests of parsers of its CSV in German, French and Spanish.
 */
const MOVE =
  /\b(?:withdrawals?|(?:merchant)?payouts?|pay-?outs?|transfers?|deposits?|top-?ups?|currency conversion|fees?|charges? fee|holds?|reserves?|releases?|adjustments?|virements?|retraits?|frais|conversion de devises?|retenues?|retiros?|retiradas?|transferencias?|comision(?:es)?|conversion de divisas?|retencion(?:es)?|depositos?|suspension|deblocage|suspendu|general authori[sz]ation|autorisation generale|autorizacion general|shopping cart item|article du panier|articulo del carrito)\b|abbuchung|auszahlung|einzahlung|einbehalt|freigabe|wahrungsumrechnung|gebuhr|uberweisung|bankgutschrift|gutschrift auf (?:kreditkarte|bank)|ach-gutschrift|allgemeine autorisierung|kontobewegung|reservierung|warenkorbartikel/;
const OFFER = new RegExp(`^(?:${OFFERS})`);

/** Whether a column says which kind of document a row is. */
export const isDocumentName = (name: string) => NAME.test(unaccented(name));

/** Columns that may say it in place of a description, as in newer exports of PayPal. */
const DESCRIPTION =
  /^(?:beschreibung|buchungstext|description|descripcion|concepto|libelle|intitule|details?)$/;

/** Whether a column may say so, where its values do. */
export const isDescriptionName = (name: string) => DESCRIPTION.test(unaccented(name));

/** Whether a kind of document gives money back: a credit note, a refund. */
export const isRefundDocument = (word: string) => REFUND.test(unaccented(word));

/** Whether a kind of document says of goods that they came back. Where others give money back, it may be the money of these. */
export const isReturnOfGoods = (word: string) => RETURN.test(unaccented(word));

/** Whether a kind of transaction moves money of the shop: a withdrawal, a hold, a fee. */
export const isMoneyMove = (word: string) => MOVE.test(unaccented(word));

/** Whether a kind of document is one before a sale: a quote, a delivery note. */
export const isOffer = (word: string) => OFFER.test(unaccented(word));
