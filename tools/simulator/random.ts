/**
 * A small seeded random generator: sfc32 by Chris Doty-Humphrey (PractRand, public domain,
 * https://pracrand.sourceforge.net/), seeded through SplitMix32's mixing step. Math.random can't be seeded, and the
 * same seed must give the same shop on every machine.
 */
export class Random {
  private a: number;
  private b: number;
  private c: number;
  private counter = 1;

  /** Any finite number seeds it; `lane` gives independent generators of the same seed. */
  constructor(seed: number, lane = 0) {
    const low = seed >>> 0;
    const high = Math.floor(Math.abs(seed) / 2 ** 32) >>> 0;
    this.a = mix(low ^ 0x9e3779b9);
    this.b = mix(high ^ 0x85ebca6b);
    this.c = mix(lane ^ 0xc2b2ae35);
    for (let i = 0; i < 15; i++) this.uint32();
  }

  uint32(): number {
    const t = (((this.a + this.b) | 0) + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + t) | 0;
    return t >>> 0;
  }

  /** In [0, 1). */
  next(): number {
    return this.uint32() / 2 ** 32;
  }

  /** An integer in [low, high], both included. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  chance(share: number): boolean {
    return this.next() < share;
  }

  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.next() * items.length)] as T;
  }

  /** Exponentially distributed with this mean. */
  exponential(mean: number): number {
    return -Math.log(1 - this.next()) * mean;
  }

  /** Log-normally distributed: `median` times e to a normal deviate of `sigma`. */
  logNormal(median: number, sigma: number): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.next()));
    return median * Math.exp(sigma * radius * Math.cos(2 * Math.PI * this.next()));
  }
}

function mix(value: number): number {
  let z = (value + 0x9e3779b9) | 0;
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
  return z ^ (z >>> 15);
}

/** Draws indexes with given weights by binary search in their running sums. */
export class Weighted {
  private readonly sums: Float64Array;

  constructor(weights: readonly number[]) {
    this.sums = new Float64Array(weights.length);
    let sum = 0;
    weights.forEach((weight, i) => {
      sum += weight;
      this.sums[i] = sum;
    });
  }

  /** Zipf's law: the weight of rank r is 1 / r^exponent. */
  static zipf(length: number, exponent: number): Weighted {
    return new Weighted(Array.from({ length }, (_, i) => 1 / (i + 1) ** exponent));
  }

  draw(random: Random): number {
    const { sums } = this;
    const target = random.next() * (sums[sums.length - 1] as number);
    let low = 0;
    let high = sums.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((sums[middle] as number) > target) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
