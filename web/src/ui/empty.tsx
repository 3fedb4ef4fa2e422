import { useState } from 'preact/hooks';
import { apiKey } from '../api.ts';
import { setRange } from '../state/view.ts';

function Command({ text, label }: { text: string; label: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
    } catch {
      // Not allowed outside of https and localhost. The text can still be marked.
    }
  };
  return (
    <div class="command">
      <pre>
        <code>{text}</code>
      </pre>
      <button type="button" onClick={copy} aria-label={`Copy: ${label}`}>
        {copied ? 'Copied' : 'Copy'}
      </button>
    </div>
  );
}

function curl(): string {
  const address = new URL('v1/events', location.href).href;
  const event = {
    timestamp: Date.now(),
    event_type: 'view_product',
    user_id: 'u1',
    product_id: 'p1',
    device_type: 'mobile',
  };
  const key = apiKey.get() ? ` -H "Authorization: Bearer $API_KEY"` : '';
  return `curl ${address}${key} -H 'Content-Type: application/json' -d '${JSON.stringify(event)}'`;
}

/** Nothing was ever received: how the first event comes in. */
export function NoEventsYet() {
  // Made once: a timestamp that moves could not be selected.
  const [command] = useState(curl);
  return (
    <section class="empty" aria-labelledby="empty-title">
      <h2 id="empty-title">No events yet</h2>
      <p>Everything runs and waits for the first event. It appears here within a second of being sent.</p>
      <h3>Send one</h3>
      <Command text={command} label="curl line" />
      <h3>Or let the simulator play a shop</h3>
      <Command text="./tillstream simulate" label="simulator command" />
      <p class="note">
        A log file, an old log API or a Kafka topic can be read too: see <code>sources</code> in the config.
      </p>
    </section>
  );
}

export function NoEventsHere() {
  return (
    <section class="banner" aria-label="No events in this range">
      <p>No events in this range.</p>
      <button type="button" onClick={() => setRange('12mo')}>
        Show 12 months
      </button>
    </section>
  );
}
