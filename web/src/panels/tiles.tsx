import type { ComponentChildren } from 'preact';
import {
  change,
  count,
  milliseconds,
  money,
  NONE,
  points,
  rate,
  share,
  shortCount,
  signedShare,
} from '../format.ts';
import { moneyAsNumber } from '../money.ts';
import { nowMinute } from '../state/clock.ts';
import { currencies, currency, hasMoney } from '../state/currency.ts';
import { earlier, metrics } from '../state/metrics.ts';
import { liveRate } from '../state/server.ts';
import { span } from '../state/view.ts';

interface Delta {
  text: string;
  /** Better, worse, or neither. */
  tone: 'good' | 'bad' | 'even';
  up: boolean;
}

function delta(
  difference: number | null,
  text: (value: number) => string,
  upIs: 'good' | 'bad',
): Delta | null {
  if (difference === null) return null;
  const shown = text(difference);
  const even = !/[1-9]/.test(shown);
  const good = difference > 0 === (upIs === 'good');
  return { text: shown, tone: even ? 'even' : good ? 'good' : 'bad', up: difference > 0 };
}

interface TileProps {
  name: string;
  /** The exact value, for scripts and for copying. */
  value: string | number | null | undefined;
  shown: string;
  delta: Delta | null;
  before: string;
  children?: ComponentChildren;
}

function Tile({ name, value, shown, delta: moved, before, children }: TileProps) {
  return (
    <div class="tile">
      <dt>{name}</dt>
      <dd>
        <data class="tile-value num" value={String(value ?? '')} data-tile={name}>
          {shown}
        </data>
        <span class="tile-delta">
          {moved ? (
            <>
              <span class={`delta ${moved.tone} num`}>
                <span aria-hidden="true">{moved.tone === 'even' ? '=' : moved.up ? '▲' : '▼'} </span>
                {moved.text}
              </span>{' '}
              <span class="note num">from {before}</span>
            </>
          ) : (
            <span class="note">nothing before</span>
          )}
        </span>
        {children}
      </dd>
    </div>
  );
}

/** The panel below has them all. */
const OTHERS_MAX = 5;

function Revenue() {
  const total = metrics.revenue.value.total ?? [];
  const before = new Map(earlier.revenue.value.total?.map((row) => [row.currency, row.revenue]));
  const first = hasMoney.value ? total.find((row) => row.currency === currency.value) : undefined;
  const amount = first?.revenue ?? '0';
  const others = (first ? currencies.value : []).flatMap(
    (name) => total.find((row) => row.currency === name && row !== first) ?? [],
  );
  const was = first && before.get(first.currency);
  const more = Math.max(0, others.length - OTHERS_MAX) + (metrics.revenue.value.folded.currency ?? 0);
  return (
    <Tile
      name="Revenue"
      value={first?.revenue}
      shown={first ? money(amount, first.currency, amount.length > 11) : NONE}
      delta={delta(
        first && was ? change(moneyAsNumber(amount), moneyAsNumber(was)) : null,
        signedShare,
        'good',
      )}
      before={first && was ? money(was, first.currency, true) : NONE}
    >
      {others.length > 0 && (
        <span class="tile-more num">
          {others.slice(0, OTHERS_MAX).map((row) => (
            <span key={row.currency}>+ {money(row.revenue, row.currency, true)}</span>
          ))}
          {more > 0 && <span>and {more} more currencies</span>}
        </span>
      )}
    </Tile>
  );
}

const orders = (rows: readonly { orders: number }[] | null) =>
  rows?.reduce((sum, row) => sum + row.orders, 0);

interface Step {
  step: string;
  users: number;
}
function conversion(rows: readonly Step[] | null): number | null {
  const users = (step: string) => rows?.find((row) => row.step === step)?.users ?? 0;
  const [viewers, buyers] = [users('view_product'), users('purchase')];
  // More buyers than viewers: views are missing, and a share of them would say nothing.
  return viewers === 0 || buyers > viewers ? null : buyers / viewers;
}

const difference = (a: number | null | undefined, b: number | null | undefined) =>
  a === null || a === undefined || b === null || b === undefined ? null : a - b;

/** Events a second over the range so far, beside the rate of this moment. */
function Rate() {
  const { from, to, before } = span.value;
  const passed = (Math.min(to, Math.max(nowMinute.value + 60_000, from + 60_000)) - from) / 1000;
  const passedBefore = before.sums.reduce((sum, slice) => sum + (slice.to - slice.from), 0) / 1000;
  const events = metrics.traffic.value.overall?.events;
  const eventsBefore = earlier.traffic.value.overall?.events;
  const perSecond = events === undefined ? null : events / passed;
  const was = eventsBefore === undefined || passedBefore === 0 ? null : eventsBefore / passedBefore;
  return (
    <Tile
      name="Events/s"
      value={perSecond}
      shown={rate(perSecond)}
      delta={delta(change(perSecond, was), signedShare, 'good')}
      before={rate(was)}
    >
      <span class="tile-more note num">{liveRate.value === null ? '' : `${rate(liveRate.value)}/s now`}</span>
    </Tile>
  );
}

export function Tiles() {
  const orderCount = orders(metrics.revenue.value.total);
  const ordersBefore = orders(earlier.revenue.value.total);
  const converted = conversion(metrics.funnel.value.total);
  const convertedBefore = conversion(earlier.funnel.value.total);
  const audience = metrics.audience.value.overall;
  const usersBefore = earlier.audience.value.overall?.users;
  const errors = metrics.responses.value.overall?.error_share;
  const errorsBefore = earlier.responses.value.overall?.error_share;
  const p95 = metrics.latency.value.overall?.p95;
  const p95Before = earlier.latency.value.overall?.p95;
  return (
    <section aria-label="Key figures">
      <h2 class="hidden">Key figures, compared with the previous period</h2>
      <dl class="tiles">
        <Revenue />
        <Tile
          name="Orders"
          value={orderCount}
          shown={shortCount(orderCount)}
          delta={delta(change(orderCount, ordersBefore), signedShare, 'good')}
          before={shortCount(ordersBefore)}
        />
        <Tile
          name="Conversion"
          value={converted}
          shown={share(converted)}
          delta={delta(difference(converted, convertedBefore), points, 'good')}
          before={share(convertedBefore)}
        />
        <Tile
          name="Users"
          value={audience?.users}
          shown={shortCount(audience?.users)}
          delta={delta(change(audience?.users, usersBefore), signedShare, 'good')}
          before={shortCount(usersBefore)}
        >
          <span class="tile-more note num">{audience ? `${count(audience.sessions)} sessions` : ''}</span>
        </Tile>
        <Rate />
        <Tile
          name="Error share"
          value={errors}
          shown={share(errors)}
          delta={delta(difference(errors, errorsBefore), points, 'bad')}
          before={share(errorsBefore)}
        />
        <Tile
          name="Latency p95"
          value={p95}
          shown={milliseconds(p95)}
          delta={delta(change(p95, p95Before), signedShare, 'bad')}
          before={milliseconds(p95Before)}
        />
      </dl>
    </section>
  );
}
