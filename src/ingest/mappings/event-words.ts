import { foldName } from '../names.ts';

/** What events are called in German, French and Spanish shops, and in English beside the names that are read anyway. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  view_product: [
    'ansicht',
    'angesehen',
    'produktansicht',
    'vue',
    'vue produit',
    'consultation',
    'vista',
    'visto',
    'vista de producto',
    'detail',
    'looked',
  ],
  view_page: [
    'seite',
    'seitenaufruf',
    'aufruf',
    'besuch',
    'page vue',
    'visite',
    'visita',
    'página vista',
    'hit',
  ],
  add_to_cart: [
    'warenkorb',
    'in den warenkorb',
    'panier',
    'ajout panier',
    'ajout au panier',
    'carrito',
    'añadir al carrito',
    'basket',
    'add to basket',
  ],
  remove_from_cart: ['aus dem warenkorb', 'retrait panier', 'quitar del carrito', 'remove from basket'],
  checkout: ['kasse', 'zur kasse', 'caisse', 'paiement', 'pago', 'caja'],
  purchase: [
    'kauf',
    'auftrag',
    'kundenauftrag',
    'verkaufsauftrag',
    'kundenbestellung',
    'bestellung',
    'gekauft',
    'verkauf',
    'achat',
    'commande',
    'vente',
    'compra',
    'pedido',
    'venta',
    'sale',
    'settled',
    'sold',
    'bought',
    'paid',
    'invoice',
    'authorisation',
    'authorization',
    'capture',
    'receipt',
    'rechnung',
    'verkaufsrechnung',
    'ausgangsrechnung',
    'barverkauf',
    'zahlung',
    'facture',
    'ticket de caisse',
    'factura',
    'factura simplificada',
    'boleta',
  ],
  refund: [
    'erstattung',
    'rückgabe',
    'retoure',
    'storno',
    'remboursement',
    'retour',
    'reembolso',
    'devolución',
    'returned',
  ],
  search: ['suche', 'recherche', 'búsqueda'],
};

const plain = (word: string) =>
  foldName(word.normalize('NFD').replace(/\p{Mn}/gu, '')).replace(/[^\p{L}\p{N}]/gu, '');
const byWord = new Map(
  Object.entries(WORDS).flatMap(([type, words]) => words.map((word) => [plain(word), type] as const)),
);

/** Words of payment services, in which the kind of payment stands before what it was. */
const PARTS = [
  { pattern: /\b(?:refunds?|chargeback|reversal)$/i, type: 'refund' },
  {
    pattern:
      /\b(?:payment|charge)$|^auth\w*(?: w\/)?(?: auto)?[ _-]capture$|^(?:sales|customer) order$|(?<!aus|ein|r[uü]ck)zahlung$|kaufabwicklung$|^(?:zahlung|paiement|pago) /i,
    type: 'purchase',
  },
];

/** Our event type that such a word is a usual name of; undefined for none. */
export const eventTypeFor = (word: string): string | undefined =>
  byWord.get(plain(word)) ?? PARTS.find(({ pattern }) => pattern.test(word.trim()))?.type;
