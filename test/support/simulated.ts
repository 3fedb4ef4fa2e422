import type { SimulatedLine } from '../../tools/simulator/index.ts';
import type { Delivery } from './metrics-harness.ts';
import type { ReferenceLine } from './reference-metrics.ts';

/** The simulator's lines as deliveries of so many lines each; a delivery arrives with its last line. */
export function deliveriesOf(lines: readonly SimulatedLine[], linesEach: number): Delivery[] {
  const deliveries: Delivery[] = [];
  for (let i = 0; i < lines.length; i += linesEach) {
    const group = lines.slice(i, i + linesEach);
    deliveries.push({
      atMs: group.at(-1)!.receivedAtMs,
      lines: group.map(({ line }) => line),
      source: 'simulator',
    });
  }
  return deliveries;
}

/** The truth about the lines, for the reference, with the times of receipt of `deliveriesOf`. */
export function referenceOf(lines: readonly SimulatedLine[], linesEach: number): ReferenceLine[] {
  return lines.map((line, i): ReferenceLine => {
    const last = Math.min(lines.length, i - (i % linesEach) + linesEach) - 1;
    const receivedAtMs = lines[last]!.receivedAtMs;
    if (line.event === null) return { receivedAtMs, reason: line.reason! };
    const { event } = line;
    const money = (cents: number | null) => (cents === null ? null : BigInt(cents) * 100n);
    return {
      receivedAtMs,
      event: {
        timeMs: event.timeMs,
        eventType: event.eventType,
        eventId: event.eventId,
        orderId: event.orderId,
        userId: event.userId,
        sessionId: event.sessionId,
        productId: event.productId,
        quantity: event.quantity,
        price: money(event.priceCents),
        amount: money(event.amountCents),
        currency: event.currency,
        deviceType: event.deviceType,
        responseTimeMs: event.responseTimeMs,
        statusCode: event.statusCode,
        isExcluded: event.isBot,
      },
    };
  });
}
