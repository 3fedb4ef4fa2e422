import { CATALOGUE } from '../../src/metrics/catalogue.ts';
import { MemoryLocation, MemorySink } from '../support/memory-sink.ts';
import { eventText, pointText, sinkContract } from './sink.ts';

const keys = new Map(CATALOGUE.map((metric) => [metric.name, metric.keys.map((key) => key.name)]));
let places = 0;

sinkContract({
  name: 'memory',
  async place() {
    const place = new MemoryLocation(`memory ${places++}`);
    return {
      open: () => new MemorySink(place, keys),
      points: async () =>
        [...place.points.values()].map(({ window, row }) =>
          pointText(
            window,
            Date.parse(row.start),
            String(row.event_type),
            String(row.device_type),
            Number(row.events),
          ),
        ),
      events: async () => [...place.events.values()].map(eventText),
      async become(state) {
        place.state = state;
      },
    };
  },
});
