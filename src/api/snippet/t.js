/*
 * Tillstream in a shop's pages: <script src="https://YOUR-HOST/t.js" data-key="WRITE-KEY" async></script>
 * Sends page views, and what attributes and calls of tillstream() tell; see docs/send-from-an-sdk.md. Sets no cookie. Visitors who ask not to be
 * tracked (Do Not Track, Global Privacy Control) are not: nothing is sent or kept.
 */
(() => {
  const script = document.currentScript;
  const { key = '', manual, currency } = script.dataset;
  const address = `${new URL(script.src).origin}/v1/events?key=${encodeURIComponent(key)}`;
  const refuses = navigator.doNotTrack === '1' || navigator.globalPrivacyControl === true;
  const QUEUE = 'tillstream_queue';
  const QUEUED_MAX = 200;
  const SESSION_MS = 30 * 60_000;
  const RETRY_MS_MAX = 60_000;
  const newId = () =>
    crypto.randomUUID?.() ??
    Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16)).join('');

  // Storage may be forbidden: then a visitor is one for each page.
  const memory = {};
  const read = (name) => {
    try {
      return localStorage.getItem(name);
    } catch {
      return memory[name] ?? null;
    }
  };
  const write = (name, value) => {
    try {
      localStorage.setItem(name, value);
    } catch {
      memory[name] = value;
    }
  };

  function visitor() {
    const id = read('tillstream_visitor') || newId();
    write('tillstream_visitor', id);
    return id;
  }

  function session() {
    const [id, lastMs] = (read('tillstream_session') ?? '').split(' ');
    const isOver = !id || Date.now() - Number(lastMs) > SESSION_MS;
    const current = isOver ? newId() : id;
    write('tillstream_session', `${current} ${Date.now()}`);
    return current;
  }

  // Events wait in the storage, so that those of a page that was closed are sent by the next one.
  const queued = () => {
    try {
      return JSON.parse(read(QUEUE) ?? '[]');
    } catch {
      return [];
    }
  };
  const forget = (events) => {
    const sent = new Set(events.map((event) => event.event_id));
    write(QUEUE, JSON.stringify(queued().filter((event) => !sent.has(event.event_id))));
  };
  const bodyOf = (events) => events.map((event) => JSON.stringify(event)).join('\n');
  // Browsers take no more than 64 KiB with a request that outlives its page, as that of `pagehide` does.
  const BODY_MAX = 50_000;
  const nextOf = (events) => {
    let size = 0;
    return events.filter((event, at) => {
      size += encodeURIComponent(JSON.stringify(event)).length;
      return at === 0 || size < BODY_MAX;
    });
  };

  let isWaiting = false;
  let waitMs = 500;
  function later(ms) {
    if (!isWaiting) setTimeout(send, ms);
    isWaiting = true;
  }

  async function send() {
    isWaiting = false;
    const events = nextOf(queued());
    if (events.length === 0) return;
    try {
      const body = bodyOf(events);
      const answer = await fetch(address, {
        method: 'POST',
        body,
        credentials: 'omit',
      });
      // What is refused for good is refused again: only what may be better later is tried again.
      if (answer.status === 429 || answer.status >= 500) throw new Error(answer.status);
      forget(events);
      waitMs = 500;
      if (queued().length > 0) later(waitMs);
    } catch {
      waitMs = Math.min(waitMs * 2, RETRY_MS_MAX);
      later(waitMs);
    }
  }

  function track(event_type, fields = {}) {
    if (refuses) return;
    const event = {
      event_id: newId(),
      timestamp: new Date().toISOString(),
      event_type,
      visitor_id: visitor(),
      session_id: session(),
      url: location.href,
      referrer: document.referrer || undefined,
      user_agent: navigator.userAgent,
      ...(currency && (fields.amount ?? fields.price ?? fields.items) !== undefined ? { currency } : {}),
      ...fields,
    };
    write(QUEUE, JSON.stringify([...queued(), event].slice(-QUEUED_MAX)));
    later(50);
  }

  /** data-product-id="p1" data-price="19.90" ... as fields. */
  function fieldsOf(element) {
    const fields = {};
    for (const name of [
      'productId',
      'productName',
      'orderId',
      'category',
      'brand',
      'price',
      'quantity',
      'amount',
      'currency',
      'coupon',
    ]) {
      const value = element.dataset[name];
      if (value) fields[name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)] = value;
    }
    const { items } = element.dataset;
    try {
      if (items) fields.items = JSON.parse(items);
    } catch {
      // Kept as it is: the collector says what is wrong with it.
      fields.items = items;
    }
    return fields;
  }

  const seen = new WeakSet();
  function look() {
    for (const element of document.querySelectorAll(
      '[data-tillstream="view_product"],[data-tillstream="purchase"]',
    )) {
      if (seen.has(element)) continue;
      seen.add(element);
      track(element.dataset.tillstream, fieldsOf(element));
    }
  }
  addEventListener(
    'click',
    ({ target }) => {
      const element = target.closest?.(
        '[data-tillstream="add_to_cart"],[data-tillstream="remove_from_cart"],[data-tillstream="checkout"]',
      );
      if (element) track(element.dataset.tillstream, fieldsOf(element));
    },
    true,
  );

  let shown = '';
  function page() {
    if (shown !== location.href && manual === undefined) {
      shown = location.href;
      track('view_page');
    }
    look();
  }
  for (const name of ['pushState', 'replaceState']) {
    const change = history[name];
    history[name] = function (...args) {
      change.apply(this, args);
      setTimeout(page);
    };
  }
  addEventListener('popstate', () => setTimeout(page));

  // What a page that goes away still has; the browser sends it on its own.
  addEventListener('pagehide', () => {
    const events = nextOf(queued());
    if (events.length > 0 && navigator.sendBeacon(address, bodyOf(events))) forget(events);
  });

  // Calls that came before this script: tillstream = (...args) => (tillstream.q ??= []).push(args)
  const early = window.tillstream?.q ?? [];
  window.tillstream = track;
  for (const args of early) track(...args);
  if (document.readyState === 'loading') addEventListener('DOMContentLoaded', page);
  else page();
  later(0);
})();
