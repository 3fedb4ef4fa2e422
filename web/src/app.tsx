import type { ComponentType } from 'preact';
import { Devices } from './panels/devices.tsx';
import { FindingsPanel } from './panels/findings.tsx';
import { FreshnessPanel } from './panels/freshness.tsx';
import { Funnel } from './panels/funnel.tsx';
import { Latency } from './panels/latency.tsx';
import { LedgerPanel } from './panels/ledger.tsx';
import { Products } from './panels/products.tsx';
import { Quality } from './panels/quality.tsx';
import { Responses } from './panels/responses.tsx';
import { Revenue } from './panels/revenue.tsx';
import { Tiles } from './panels/tiles.tsx';
import { Traffic } from './panels/traffic.tsx';
import { type Route, useRoute } from './state/route.ts';
import { connection, ledger } from './state/server.ts';
import { Banner } from './ui/banner.tsx';
import { DemoBanner, Filling, NoEventsHere, NoEventsYet } from './ui/empty.tsx';
import { Header } from './ui/header.tsx';
import { Lazy } from './ui/lazy.tsx';
import { RangeBar } from './ui/range.tsx';

/** Views beside the dashboard come when they are asked for: whoever looks at numbers does not wait for them. */
const OTHER_VIEWS: Partial<Record<Route, () => Promise<ComponentType>>> = {
  import: async () => (await import('./views/import/view.tsx')).ImportView,
  sources: async () => (await import('./views/sources/sources.tsx')).SourcesView,
};

function Shown() {
  const route = useRoute();
  // What was asked for by someone who has logged out is not left on the screen.
  if (connection.value.kind === 'unauthorized') return null;
  const load = OTHER_VIEWS[route];
  return load ? <Lazy key={route} load={load} /> : <Dashboard />;
}

function Dashboard() {
  if (ledger.value === null) {
    const waiting = connection.value.kind === 'connecting';
    return waiting ? <p class="waiting note">Loading the numbers …</p> : null;
  }
  if (ledger.value.received === 0) {
    return (
      <>
        <NoEventsYet />
        <div class="grid bare">
          <FreshnessPanel />
        </div>
      </>
    );
  }
  return (
    <>
      <RangeBar />
      <Filling />
      <NoEventsHere />
      <Tiles />
      <div class="grid">
        <Traffic />
        <Funnel />
        <Revenue />
        <Latency />
        <Products />
        <Devices />
        <Responses />
        <LedgerPanel />
        <FreshnessPanel />
        <Quality />
      </div>
      <FindingsPanel />
    </>
  );
}

export function App() {
  return (
    <>
      {/* Not a link: the part of the address after # belongs to the view. */}
      <button type="button" class="skip" onClick={() => document.getElementById('main')?.focus()}>
        Skip to the numbers
      </button>
      <Header />
      <main id="main" tabIndex={-1}>
        <DemoBanner />
        <Banner />
        <Shown />
      </main>
    </>
  );
}
