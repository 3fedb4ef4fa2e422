import { Random, Weighted } from './random.ts';

export interface Product {
  id: string;
  category: string;
  /** In cents of EUR; other currencies follow by a fixed factor. */
  priceCents: number;
}

export interface Country {
  code: string;
  currency: string;
  /** Price in cents of this currency for one EUR cent. */
  factor: number;
  /** The smallest amount that is paid, in cents of this currency. */
  smallestCents: number;
  weight: number;
}

// Names with non-ASCII letters are here on purpose: lengths in bytes and in characters must not be mixed up.
const CATEGORIES = [
  'shoes',
  'jackets',
  'trousers',
  'Möbel',
  'toys',
  'garden',
  'Küche & Bad',
  'books',
  '時計',
  'audio',
];

/** The same for ids, which are ASCII in most shops. */
const PLAIN: Readonly<Record<string, string>> = {
  Möbel: 'furniture',
  'Küche & Bad': 'kitchen',
  時計: 'watches',
};

export const COUNTRIES: readonly Country[] = [
  { code: 'DE', currency: 'EUR', factor: 1, smallestCents: 1, weight: 38 },
  { code: 'FR', currency: 'EUR', factor: 1, smallestCents: 1, weight: 12 },
  { code: 'NL', currency: 'EUR', factor: 1, smallestCents: 1, weight: 8 },
  { code: 'GB', currency: 'GBP', factor: 0.86, smallestCents: 1, weight: 13 },
  { code: 'US', currency: 'USD', factor: 1.09, smallestCents: 1, weight: 15 },
  { code: 'CH', currency: 'CHF', factor: 0.96, smallestCents: 1, weight: 6 },
  { code: 'PL', currency: 'PLN', factor: 4.32, smallestCents: 1, weight: 6 },
  { code: 'JP', currency: 'JPY', factor: 158, smallestCents: 100, weight: 2 },
];

export const SIMULATED_CURRENCIES: readonly string[] = [
  ...new Set(COUNTRIES.map(({ currency }) => currency)),
];

export const COUPONS: readonly { code: string; percent: number }[] = [
  { code: 'WELCOME10', percent: 10 },
  { code: 'AUTUMN15', percent: 15 },
  { code: 'VIP25', percent: 25 },
];

export const CAMPAIGNS = ['autumn-sale', 'newsletter-42', 'brand', 'retargeting'] as const;
export const REFERRERS = [
  'https://search.example/',
  'https://social.example/feed',
  'https://news.example/deals?id=7&utm_source=mail',
] as const;

export const USER_AGENTS = {
  mobile: [
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Version/18.1 Mobile Safari/604.1',
    'Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Chrome/131.0 Mobile Safari/537.36',
  ],
  desktop: [
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/131.0 Safari/537.36',
    'Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0',
  ],
  tablet: ['Mozilla/5.0 (iPad; CPU OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Version/18.1 Safari/604.1'],
  bot: ['ShopCrawler/2.1 (+https://crawler.example/bot)', 'PriceBot/1.0', 'python-requests/2.32'],
} as const;

/** Products with a long tail: few are seen often, most hardly ever. */
export class Catalogue {
  readonly products: readonly Product[];
  private readonly ranks: Weighted;

  /** `named`: ids that say what the product is, such as shoes-17; else p17. `skew`: how much more the first ones are seen. */
  constructor(seed: number, size: number, named = false, skew = 1.05) {
    const random = new Random(seed, 1);
    this.products = Array.from({ length: size }, (_, i) => {
      const category = random.pick(CATEGORIES);
      const id = named ? `${PLAIN[category] ?? category}-${i + 1}` : `p${i + 1}`;
      return { id, category, priceCents: Math.max(95, Math.round(random.logNormal(2900, 0.9) / 5) * 5 - 1) };
    });
    this.ranks = Weighted.zipf(size, skew);
  }

  draw(random: Random): Product {
    return this.products[this.ranks.draw(random)] as Product;
  }
}
