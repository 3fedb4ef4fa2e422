import { colourOf } from '../charts/palette.ts';
import { count, NONE, share, words } from '../format.ts';
import { metrics } from '../state/metrics.ts';
import { Empty } from '../ui/empty.tsx';
import { Name } from '../ui/name.tsx';
import { Panel } from '../ui/panel.tsx';

const SHOWN_MAX = 6;

interface Device {
  name: string;
  events: number;
  views: number;
  purchases: number;
}

function devices(): Device[] {
  const byName = new Map<string, Device>();
  for (const row of metrics.traffic.value.total ?? []) {
    const device = byName.get(row.device_type) ?? {
      name: row.device_type,
      events: 0,
      views: 0,
      purchases: 0,
    };
    device.events += row.events;
    if (row.event_type === 'view_product') device.views += row.events;
    if (row.event_type === 'purchase') device.purchases += row.events;
    byName.set(row.device_type, device);
  }
  return [...byName.values()].sort((a, b) => b.events - a.events).slice(0, SHOWN_MAX);
}

export function Devices() {
  const rows = devices();
  const sum = metrics.traffic.value.overall?.events ?? 0;
  const names = rows.map((row) => row.name);
  return (
    <Panel
      title="Devices"
      area="devices"
      error={metrics.traffic.value.error}
      empty={
        names.every((name) => name === 'unknown') && (
          <Empty
            reason="No devices in the events of this range (field device_type)."
            loaded={metrics.traffic.value.total !== null}
          />
        )
      }
    >
      <table class="bars">
        <caption class="hidden">Events per device</caption>
        <thead>
          <tr>
            <th scope="col">Device</th>
            <th scope="col" class="num">
              Share
            </th>
            <th scope="col" class="num">
              Events
            </th>
            <th scope="col" class="num" title="Purchases per product view">
              Buys/view
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.name}>
              <th scope="row">
                <Name text={words(row.name)} />
                <span class="bar-track thin" aria-hidden="true">
                  <span
                    class="bar"
                    style={{
                      width: `${(row.events / Math.max(1, sum)) * 100}%`,
                      background: colourOf(row.name, names),
                    }}
                  />
                </span>
              </th>
              <td class="num">{sum > 0 ? share(row.events / sum, 1) : NONE}</td>
              <td class="num">{count(row.events)}</td>
              <td class="num">{row.views > 0 ? share(row.purchases / row.views, 1) : NONE}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}
