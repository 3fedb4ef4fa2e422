import { FIELD_ALIASES } from '../names.ts';

/** `|` between names, so that many are read at a glance. */
const list = (names: string) => names.split('|').map((name) => name.trim());

/**
 * What columns of shops are called, by our field, the likeliest first: English beside the names that are read anyway, German, French and
 * Spanish. Only a proposal is made of them, which a person looks at; so words are here that can't be aliases, as they have other meanings too.
 */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  timestamp: [
    ...list(
      'order date|order time|order datetime|order placed|order created|order created at|placed at|placed on|ordered at|ordered on|date placed|date ordered|date order|purchase date|purchased at|date purchased|submit date time|oxorderdate|purchased on|sale date|sale time|sold at|sold on|date sold|event date|created at|created on|created|created date|created time|creation date|date created|create time|create date|time created|date added|date time|date|transaction date|invoice date|paid at|paid on|date paid|payment date|paid on date|when|at',
    ),
    ...list(
      'bestelldatum|bestellzeit|bestellzeitpunkt|bestellt am|bestellung vom|kaufdatum|kaufzeitpunkt|verkaufsdatum|auftragsdatum|zeitstempel|zeitpunkt|zeit|datum|uhrzeit|erstellt am|erstellt|erstelldatum|angelegt am|eingangsdatum|rechnungsdatum|bezahlt am|belegdatum',
    ),
    ...list(
      "date de commande|date d'achat|date de vente|date de création|date heure|horodatage|heure|créé le|date d'ajout|date de facture|date de paiement|commandé le|passée le",
    ),
    ...list(
      'fecha de pedido|fecha de compra|fecha de venta|fecha de creación|fecha hora|fecha|hora|creado|creado el|marca de tiempo|fecha de factura|fecha de pago|pedido el',
    ),
  ],
  event_type: [
    ...list('type|action|activity|interaction|event category|behavior|behaviour'),
    ...list('ereignis|ereignistyp|aktion|typ|art|vorgang'),
    ...list("événement|type d'événement|evenement"),
    ...list('evento|tipo|tipo de evento|acción|accion'),
  ],
  event_id: list('uuid|guid|event uuid|ereignis id|id evento|id événement'),
  user_id: [
    ...list(
      'user|customer|customers id|contact id|oxuserid|customer number|customer no|client id|member id|member|buyer user id|buyer id|buyer username|client|customer email|email|email address|mail|contact email|billing email|email billing|buyer email|customers email address|customers email|from email address|sender email|buyer|customer name|billing name|bill to name|full name|buyer name',
    ),
    ...list(
      'kunden id|kundennummer|kundennr|kunden nr|nutzer|benutzer|benutzername|käufer|kunden email|kundenmail|kunden email adresse|absender email adresse|absender email|email adresse|kunde|kundenname|käufername',
    ),
    ...list(
      'id client|numéro client|no client|utilisateur|acheteur|courriel|email client|adresse email expéditeur|email expéditeur|adresse email|client|nom client|nom du client',
    ),
    ...list(
      'id cliente|número de cliente|no cliente|usuario|comprador|correo|correo electrónico|email cliente|correo electrónico del remitente|cliente|nombre del cliente|nombre cliente',
    ),
  ],
  session_id: list('visit id|visit|sitzungs id|sitzung|session|sesión|visite'),
  product_id: [
    ...list(
      'lineitem sku|line item sku|product code|product number|product no|item number|item no|item code|item sku|variant sku|variant id|stock code|catalog object id|custom label|article number|article no|asin|ean|gtin|upc|product|item|article|listing id',
    ),
    ...list(
      'artikelnummer|artikelnr|artikel nr|artikel no|artikel id|produkt id|produktnummer|produktnr|bestellnummer artikel|artikel|produkt',
    ),
    ...list(
      'id produit|référence produit|ref produit|code article|code produit|référence article|produit|article',
    ),
    ...list('id producto|código de producto|código|referencia producto|código de artículo|producto|artículo'),
  ],
  product_name: [
    ...list(
      'lineitem name|line item name|product title|item title|article name|title|item|product|article|product description|item description',
    ),
    // Beside a number of the product; alone they are all that names it.
    ...list('artikelname|produktname|artikelbezeichnung|produktbezeichnung|bezeichnung|artikel|produkt'),
    ...list("nom du produit|désignation|libellé|nom de l'article|libellé produit|produit|intitulé"),
    ...list('nombre del producto|nombre del artículo|descripción|artículo|producto'),
  ],
  category: list('kategorie|warengruppe|catégorie|rayon|categoría|product type|department'),
  brand: list('marke|hersteller|marque|marca|fabricante|manufacturer|vendor'),
  order_id: [
    ...list(
      'order number|order no|order|orders id|orders number|oxordernr|order reference|order ref|order name|order key|id order|sales order|sales order no|increment id|order increment id|purchase id|sale id|sales id|invoice|invoice no|invoice number|invoice id|merchant reference|merchant reference1|merchant order reference|merchant order id|shop order id|external order id|receipt|receipt no|receipt number|receipt id|transaction|transaction no|transaction number|sales record number',
    ),
    ...list(
      'bestellnummer|bestellnr|bestell nr|bestell no|bestell id|bestellung|bestellungs nr|auftragsnummer|auftragsnr|auftrags nr|auftrags id|auftrag|vorgangsnummer|rechnungsnummer|rechnungsnr|rechnungs nr|rechnung|belegnummer|belegnr|beleg nr|transaktions id|transaktionsnummer',
    ),
    ...list(
      'numéro de commande|no commande|no de la commande|id commande|référence commande|réf commande|commande|numéro de facture|no facture|facture|id transaction|numéro de transaction',
    ),
    ...list(
      'número de pedido|no pedido|id pedido|referencia de pedido|pedido|número de factura|no factura|factura|id transacción|número de transacción|número de orden|orden',
    ),
  ],
  quantity: [
    ...list(
      'lineitem quantity|line item quantity|item quantity|quantity ordered|qty ordered|quantity sold|quantity purchased|total qty ordered|total quantity|total qty|total order quantity|units|units sold|pieces|pcs|count|number of units|number of pieces|number of items|number of products|number of articles|no of items|item count|items count|items total|total items|items sold|items ordered|items purchased|product count|num items|num products|items|products',
    ),
    ...list(
      'menge|anzahl|stück|stückzahl|bestellmenge|gesamtmenge|anzahl artikel|anzahl der artikel|artikelanzahl|anzahl produkte|anzahl positionen|anzahl stück|artikel gesamt|artikel anzahl',
    ),
    ...list(
      "quantité|quantités|qté|nombre|nombre d'articles|nb articles|nombre de produits|nb produits|quantité totale|articles|unités|quantité commandée",
    ),
    ...list(
      'cantidad|unidades|número de artículos|no artículos|cantidad de artículos|número de productos|cantidad total|artículos|productos|uds',
    ),
  ],
  price: [
    ...list(
      'lineitem price|line item price|price each|price per unit|unit price paid|original unit price|discounted unit price|unit amount|item cost|unit cost|base price|sale price|selling price|sold for|price paid|unit price inc tax|unit price ex tax',
    ),
    ...list(
      'einzelpreis|einzelpreis brutto|vk brutto|bruttopreis|preis brutto|stückpreis brutto|stückpreis|preis pro stück|preis je stück|preis je einheit|verkaufspreis|artikelpreis|e preis|ep|vk|preis',
    ),
    ...list('prix unitaire|prix unitaire ttc|pu ttc|pu|prix de vente|prix unité|prix'),
    ...list('precio unitario|precio por unidad|precio unidad|precio de venta|pvp|precio'),
  ],
  amount: [
    ...list(
      'order total|order total amount|ot total|oxtotalordersum|total amount|order amount|order value|total price|total incl|total inc tax|total incl tax|total including tax|total gross|gross total|total paid|amount paid|amount|total collected|total charged|amount charged|total money|payment amount|line total|item total|row total|line amount|total to pay|invoice amount|invoice total|invoice value|sum|value|paid|gross|gross amount|revenue gross|turnover|revenue|net revenue|n revenue|net sales|product sales|sales|gross sales|order subtotal|order subtotal amount|subtotal|total net|total excl|total ex tax|total excl tax',
    ),
    ...list(
      'gesamtbetrag|gesamtsumme|gesamtpreis|gesamt brutto|gesamtwert|gesamt|bestellwert|bestellsumme|bestellbetrag|auftragswert|auftragssumme|rechnungsbetrag|rechnungsbetrag brutto|rechnungssumme|rechnungssumme brutto|gesamtbetrag brutto|gesamtsumme brutto|gesamtpreis brutto|auftragssumme brutto|bestellsumme brutto|bestellwert brutto|endbetrag|endsumme|endpreis|zahlbetrag|bruttobetrag|summe brutto|betrag brutto|brutto|betrag|summe|positionssumme|zeilensumme|umsatz|warenwert|zwischensumme',
    ),
    ...list(
      "montant total|montant total ttc|montant ttc|total ttc|total à payer|total payé|montant payé|total commande|prix total|prix total ttc|montant|chiffre d'affaires|sous total|total ht|montant ht",
    ),
    ...list(
      'importe total|total pedido|total con iva|total factura|monto total|precio total|total pagado|importe|monto|ventas|total sin iva|subtotal',
    ),
  ],
  currency: [
    ...list(
      'iso currency|oxcurrency|order currency|order currency code|transaction currency|payment currency|cur|curr|ccy|currency iso',
    ),
    ...list('währung|währungscode|devise|monnaie|moneda|divisa|código de moneda'),
  ],
  coupon: [
    ...list('voucher|promotion|promotion code|discount codes|coupons|coupon codes'),
    ...list('gutschein|gutscheincode|rabattcode|aktionscode'),
    ...list('code promo|code de réduction|bon de réduction|cupón|código de descuento|código promocional'),
  ],
  country: [
    ...list(
      'shipping country|shipping country code|country iso|country iso2|country code iso|ship country|ship to country|delivery country|country name|billing country|billing country code',
    ),
    ...list('land|lieferland|versandland|rechnungsland|pays|pays de livraison|país|país de envío'),
  ],
  device_type: list('device|platform|gerät|endgerät|appareil|dispositivo'),
  tax: [
    ...list(
      'vat|taxes|tax total|order tax|sales tax|vat amount|total tax amount|order total tax amount|total vat',
    ),
    ...list('steuer|mwst|ust|mehrwertsteuer|umsatzsteuer|mwst betrag|steuerbetrag'),
    ...list('taxe|tva|montant tva|total tva|impuesto|impuestos|iva|importe iva'),
  ],
  shipping: [
    ...list(
      'shipping fee|ot shipping|oxdelcost|shipping total|total shipping|total shipping price|shipping price|shipping rate|shipping and handling|shipping handling|delivery fee|delivery cost|delivery|postage|shipping cost inc tax|shipping cost incl tax',
    ),
    ...list('versandkosten|versand|porto|lieferkosten|versandgebühr'),
    ...list('frais de port|frais de livraison|livraison|gastos de envío|coste de envío|envío'),
  ],
  discount: [
    ...list('discounts|discount total|cart discount|cart discount amount|total discounts'),
    ...list('rabatt|nachlass|ermäßigung|remise|réduction|descuento|descuentos'),
  ],
  test: list('test|test order|test mode|is test order|testbestellung|commande de test|pedido de prueba'),
  search_term: list('search|query|suchbegriff|suche|recherche|búsqueda'),
  url: list('page|path|uri|request uri|request path|request url|seite|adresse|página'),
  items: list(
    'order items|lines|cart items|cart|basket|positionen|bestellpositionen|artikelliste|lignes|lignes de commande|líneas|líneas de pedido',
  ),
};

/** Names that may be of an order where no other column names it, and those that may be of a product beside a price or a number of pieces. */
export const LAST_RESORT: Readonly<Record<string, readonly string[]>> = {
  order_id: list('id|reference|ref|no|number|nr|nummer|numéro|número|name|payment id'),
  product_id: list('reference|référence|ref|code|referencia|id'),
  product_name: list('name|description|beschreibung|nom|nombre'),
};

/** Words that say nothing of what a column holds. */
const FILLING = new Set(
  'a an the of and de du des del d l la le les el los las der die das dem den von set shop money nodes'.split(
    ' ',
  ),
);

/** The words of a name, without accents, case, signs and filling. */
export function wordsOf(name: string): string[] {
  const letters = name
    .replace(/\bn[°º]/gi, 'no ')
    .replace(/([\p{Ll}\p{N}])(\p{Lu})/gu, '$1 $2')
    .normalize('NFKD')
    .replace(/\p{Mn}/gu, '')
    .replace(/ß/g, 'ss')
    .toLowerCase();
  const words = letters.split(/[^\p{L}\p{N}]+/u).filter((word) => word !== '');
  const telling = words.filter((word) => !FILLING.has(word));
  return telling.length === 0 ? words : telling;
}

/** Words of what an order cost in a name that says more, and words that make another amount of it. */
const OF_TOTAL = /\b(?:totals?|amount|grand|gesamt|betrag|summe|montant|importe|monto)\b/;
const NO_TOTAL =
  /\b(?:sub|tax|vat|shipping|shipped|delivery|discounts?|fees?|tip|refund\w*|net|excl?|cost|items?|quantity|qty|units?|count|number|steuer|versand|rabatt|netto|tva|remise|frais|iva|envio|descuento|adjusted)\b/;

/** Whether a name may be that of what an order cost, where no other is known. */
export const mayBeTotal = (name: string) => {
  const words = wordsOf(name).join(' ');
  return OF_TOTAL.test(words) && !NO_TOTAL.test(words.replace(/\bpurchase units?\b/, ''));
};

const plain = (name: string) => wordsOf(name).join('');

/** Ranks of fields by what a column may be called, 0 the likeliest. */
const byWord = new Map<string, Map<string, number>>();
for (const [field, words] of Object.entries(WORDS))
  for (const [rank, word] of [field, ...(FIELD_ALIASES[field] ?? []), ...words].entries()) {
    const fields = byWord.get(plain(word)) ?? new Map<string, number>();
    if (!fields.has(field)) fields.set(field, rank);
    byWord.set(plain(word), fields);
  }

/** What a name says of the unit or the kind behind it: `Total (EUR)`, `Preis in €`, `Country Code (Billing)`. */
const BEHIND =
  /(?:(?<=\S\S)\s*\([^()]{2,20}\)|\s*\[[^[\]]{0,20}\]|\s(?:in |en )?(?:EUR|USD|GBP|CHF|[€$£]))\s*$/i;
/** A part of an amount in percent is another thing than the amount. */
const IN_PERCENT = /%|\b(?:percent(?:age)?|pct|prozent|pourcentage|porcentaje)\b/i;
/** Without tax: what customers pay is likelier. */
const IS_NET = /\b(?:ex|excl|net|netto|ht|sin)\b/i;
/** Words of the whole order before what is of it. */
const OF_ORDER = /^(?:orders?|sales?|invoice|bestell(?:ung)?|rechnungs?|commande|facture|pedido|factura)$/;
/** Words of one line before what is of it. */
const OF_LINE = /^(?:line|lineitem|item|product|article|artikel|produkt|produit|producto)$/;
/** Fields that such a word leaves as they are; with others it makes another thing: `Order Type` is not the type. */
const OF_BOTH = [
  'amount',
  'quantity',
  'price',
  'tax',
  'shipping',
  'discount',
  'currency',
  'coupon',
  'country',
];
const NONE: ReadonlyMap<string, number> = new Map();
/** A name that is known only in part is less likely than any that is known as it is. */
const PART_RANK = 1000;

/** Fields that a column of this name may hold, with how likely each is, 0 the likeliest; none where nobody knows. */
export function fieldsFor(name: string): ReadonlyMap<string, number> {
  if (IN_PERCENT.test(name)) return NONE;
  const words = wordsOf(name);
  const known = byWord.get(words.join(''));
  if (known !== undefined) return known;
  const shorter = name.replace(BEHIND, '');
  if (shorter !== name) {
    const found = fieldsFor(shorter);
    if (found.size > 0)
      return new Map([...found].map(([field, rank]) => [field, rank + (IS_NET.test(name) ? PART_RANK : 1)]));
  }
  const isOfPart = words.length > 1 && (OF_ORDER.test(words[0]!) || OF_LINE.test(words[0]!));
  const found = isOfPart ? byWord.get(words.slice(1).join('')) : undefined;
  if (found === undefined) return NONE;
  return new Map(
    [...found].flatMap(([field, rank]) =>
      OF_BOTH.includes(field) ? [[field, rank + PART_RANK] as const] : [],
    ),
  );
}
