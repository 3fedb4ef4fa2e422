import { FIELD_ALIASES, foldName } from '../names.ts';

/**
 * What columns of shops are called, by our field: English beside the names that are read anyway, German, French and Spanish. Only a proposal
 * is made of them, which a person looks at; so words are here that are no aliases, as they have other meanings too.
 */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  timestamp: [
    ...[
      'date',
      'date time',
      'created',
      'created at',
      'created on',
      'order date',
      'placed at',
      'ordered at',
      'purchase date',
      'event date',
      'when',
      'at',
    ],
    ...[
      'datum',
      'zeit',
      'zeitpunkt',
      'zeitstempel',
      'uhrzeit',
      'bestelldatum',
      'kaufdatum',
      'auftragsdatum',
      'erstellt',
      'erstellt am',
    ],
    ...[
      'date commande',
      'date de commande',
      'date de la commande',
      'horodatage',
      'heure',
      'créé le',
      "date d'achat",
      'date achat',
    ],
    ...[
      'fecha',
      'fecha pedido',
      'fecha de pedido',
      'fecha de compra',
      'fecha hora',
      'hora',
      'creado',
      'creado el',
      'marca de tiempo',
    ],
  ],
  event_type: [
    ...['type', 'action', 'activity', 'interaction', 'event category', 'behavior', 'behaviour'],
    ...['ereignis', 'ereignistyp', 'aktion', 'typ', 'art', 'vorgang'],
    ...['événement', "type d'événement", 'evenement', 'action'],
    ...['evento', 'tipo', 'tipo de evento', 'acción', 'accion'],
  ],
  event_id: ['id', 'uuid', 'guid', 'event uuid', 'ereignis id', 'id evento', 'id événement'],
  user_id: [
    ...[
      'customer',
      'client',
      'client id',
      'buyer',
      'member',
      'member id',
      'email',
      'customer email',
      'customer number',
      'user',
    ],
    ...[
      'kunde',
      'kunden id',
      'kundennummer',
      'kundennr',
      'kunden nr',
      'benutzer',
      'käufer',
      'e mail',
      'nutzer',
    ],
    ...['client', 'id client', 'numéro client', 'numero client', 'acheteur', 'utilisateur'],
    ...['cliente', 'id cliente', 'número de cliente', 'numero de cliente', 'comprador', 'usuario', 'correo'],
  ],
  session_id: ['visit', 'visit id', 'sitzung', 'sitzungs id', 'session', 'sesión', 'sesion', 'visite'],
  product_id: [
    ...[
      'product',
      'item',
      'article',
      'product code',
      'stock code',
      'stockcode',
      'product number',
      'variant sku',
      'asin',
      'ean',
      'gtin',
    ],
    ...[
      'artikel',
      'artikelnummer',
      'artikelnr',
      'artikel nr',
      'produkt',
      'produkt id',
      'produktnummer',
      'bestellnummer artikel',
      'sku',
    ],
    ...['produit', 'id produit', 'référence', 'reference', 'référence produit', 'code article', 'article'],
    ...[
      'producto',
      'id producto',
      'código',
      'codigo',
      'código de producto',
      'referencia',
      'artículo',
      'articulo',
    ],
  ],
  product_name: [
    ...['product title', 'item', 'title', 'description', 'product description'],
    ...['artikelname', 'produktname', 'bezeichnung', 'artikelbezeichnung', 'beschreibung'],
    // Beside a number of the product; alone they are all that names it.
    ...['artikel', 'produkt', 'article', 'produit', 'artículo', 'articulo', 'producto'],
    ...['nom du produit', 'désignation', 'designation', 'libellé', 'libelle', 'nom produit'],
    ...['nombre del producto', 'nombre producto', 'descripción', 'descripcion'],
  ],
  category: ['kategorie', 'warengruppe', 'catégorie', 'categorie', 'rayon', 'categoría', 'categoria'],
  brand: ['marke', 'hersteller', 'marque', 'marca', 'fabricante', 'manufacturer', 'vendor'],
  order_id: [
    ...[
      'order',
      'order no',
      'order nr',
      'order number',
      'invoice',
      'invoice no',
      'invoice number',
      'receipt',
      'sales order',
      'transaction',
    ],
    ...[
      'bestellung',
      'bestellnummer',
      'bestellnr',
      'bestell nr',
      'auftrag',
      'auftragsnummer',
      'auftragsnr',
      'rechnung',
      'rechnungsnummer',
      'rechnungsnr',
      'rechnungs nr',
      'belegnummer',
      'belegnr',
      'beleg nr',
    ],
    ...[
      'commande',
      'numéro de commande',
      'numero de commande',
      'n° commande',
      'no commande',
      'facture',
      'numéro de facture',
    ],
    ...['pedido', 'número de pedido', 'numero de pedido', 'nº pedido', 'factura', 'número de factura'],
  ],
  quantity: [
    'count',
    'pieces',
    'units',
    'menge',
    'anzahl',
    'stück',
    'stueck',
    'quantité',
    'quantite',
    'nombre',
    'cantidad',
    'unidades',
  ],
  price: [
    ...['price each', 'price per unit', 'item price', 'unit cost'],
    ...['preis', 'einzelpreis', 'stückpreis', 'stueckpreis', 'verkaufspreis', 'vk'],
    ...['prix', 'prix unitaire', 'prix de vente'],
    ...['precio', 'precio unitario', 'precio de venta'],
  ],
  amount: [
    ...[
      'sum',
      'value',
      'paid',
      'amount paid',
      'sales',
      'gross',
      'gross amount',
      'subtotal',
      'total paid',
      'order value',
      'order amount',
      'turnover',
    ],
    ...[
      'betrag',
      'summe',
      'gesamt',
      'gesamtbetrag',
      'gesamtsumme',
      'gesamtpreis',
      'umsatz',
      'brutto',
      'bruttobetrag',
      'rechnungsbetrag',
      'endbetrag',
    ],
    ...['montant', 'montant total', 'total ttc', 'prix total', "chiffre d'affaires", 'total commande'],
    ...['importe', 'importe total', 'monto', 'monto total', 'total pedido', 'precio total', 'ventas'],
  ],
  currency: [
    'iso currency',
    'cur',
    'curr',
    'ccy',
    'währung',
    'waehrung',
    'währungscode',
    'devise',
    'monnaie',
    'moneda',
    'divisa',
  ],
  coupon: [
    'voucher',
    'promotion',
    'gutschein',
    'gutscheincode',
    'rabattcode',
    'code promo',
    'bon de réduction',
    'cupón',
    'cupon',
  ],
  country: ['land', 'lieferland', 'pays', 'país', 'pais', 'country name', 'shipping country'],
  device_type: ['device', 'platform', 'gerät', 'geraet', 'endgerät', 'appareil', 'dispositivo'],
  tax: [
    'vat',
    'taxes',
    'steuer',
    'mwst',
    'ust',
    'mehrwertsteuer',
    'taxe',
    'tva',
    'impuesto',
    'impuestos',
    'iva',
  ],
  shipping: [
    'shipping fee',
    'delivery',
    'delivery fee',
    'versand',
    'versandkosten',
    'livraison',
    'frais de port',
    'envío',
    'envio',
    'gastos de envío',
  ],
  discount: ['rabatt', 'nachlass', 'remise', 'réduction', 'reduction', 'descuento'],
  test: ['test', 'test order', 'is test order', 'testbestellung', 'commande de test', 'pedido de prueba'],
  search_term: ['search', 'query', 'suchbegriff', 'suche', 'recherche', 'búsqueda', 'busqueda'],
  url: ['page', 'path', 'seite', 'adresse', 'página', 'pagina'],
};

/** Fields by what a column may be called, the likeliest first. */
const byWord = new Map<string, string[]>();
for (const [field, words] of Object.entries(WORDS))
  for (const word of [field, ...(FIELD_ALIASES[field] ?? []), ...words]) {
    const folded = plain(word);
    const fields = byWord.get(folded) ?? [];
    if (!fields.includes(field)) fields.push(field);
    byWord.set(folded, fields);
  }

/** What a name says of the unit: `Total (EUR)`, `Preis in €`. */
const UNIT = /\s*(?:\([^()]{0,20}\)|\[[^[\]]{0,20}\]|\s(?:in |en )?(?:EUR|USD|GBP|CHF|[€$£]))\s*$/i;

/** Fields that a column of this name may hold, the likeliest first; none where nobody knows. */
export function fieldsFor(name: string): readonly string[] {
  return byWord.get(plain(name)) ?? byWord.get(plain(name.replace(UNIT, ''))) ?? [];
}

/** A name without accents, case, blanks and signs. */
function plain(name: string): string {
  const letters = name
    .normalize('NFD')
    .replace(/\p{Mn}/gu, '')
    .replace(/ß/g, 'ss');
  return foldName(letters).replace(/[^\p{L}\p{N}]/gu, '');
}
