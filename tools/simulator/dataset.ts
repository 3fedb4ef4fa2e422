import { Random, Weighted } from './random.ts';

/** An event as the old pipeline's log API gives it. */
export interface OldEvent {
  /** M/D/YYYY, not padded. */
  timestamp: string;
  user_id: string;
  event_type: 'view_product' | 'add_to_cart' | 'checkout' | 'purchase';
  product_id: string;
  response_time: number;
  status_code: 200 | 404 | 500;
  device_type: 'mobile' | 'desktop';
}

export interface OldDatasetOptions {
  seed: number;
  /** Default 4000. */
  count?: number;
  /** First day, UTC midnight; default 2023-04-01. */
  firstDayMs?: number;
  /** Default 19. */
  days?: number;
}

const EVENT_TYPES = ['view_product', 'add_to_cart', 'checkout', 'purchase'] as const;
const STATUS_CODES = [200, 404, 500] as const;

/** A data set in the shape of the old pipeline's: dates without times, no event_id, in no order. */
export function oldDataset(options: OldDatasetOptions): OldEvent[] {
  const random = new Random(options.seed, 4);
  const eventTypes = new Weighted([55, 22, 13, 10]);
  const statusCodes = new Weighted([90, 6, 4]);
  const products = Weighted.zipf(200, 0.8);
  const firstDayMs = options.firstDayMs ?? Date.UTC(2023, 3, 1);
  const days = options.days ?? 19;
  return Array.from({ length: options.count ?? 4000 }, (_, i) => {
    // The first entries name each day once, so that no day is missing whatever the count.
    const day = i < days ? i : random.integer(0, days - 1);
    const date = new Date(firstDayMs + day * 86_400_000);
    return {
      timestamp: `${date.getUTCMonth() + 1}/${date.getUTCDate()}/${date.getUTCFullYear()}`,
      user_id: `user_${random.integer(1, 500)}`,
      event_type: EVENT_TYPES[eventTypes.draw(random)]!,
      product_id: `product_${products.draw(random) + 1}`,
      response_time: Math.max(20, Math.round(random.logNormal(180, 0.5))),
      status_code: STATUS_CODES[statusCodes.draw(random)]!,
      device_type: random.chance(0.6) ? 'mobile' : 'desktop',
    };
  });
}
