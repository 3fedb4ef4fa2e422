import { useEffect, useRef, useState } from 'preact/hooks';
import type { ChartData } from './data.ts';
import { chartOption } from './option.ts';
import { scheme } from './palette.ts';

type Library = typeof import('./echarts.ts');
type Instance = ReturnType<Library['init']>;
let library: Promise<Library> | undefined;
const load = () => {
  library ??= import('./echarts.ts');
  return library;
};

/** A drawing for the eye; `label` says the gist, and the panel's table holds every value. */
export function Chart({ data, label, tall }: { data: ChartData; label: string; tall?: boolean }) {
  const box = useRef<HTMLDivElement>(null);
  const [chart, setChart] = useState<Instance | null>(null);
  const [width, setWidth] = useState(0);
  const [failed, setFailed] = useState(false);

  useEffect(() => {
    // The panel may be gone before the library is there.
    const element = box.current;
    if (element === null) return;
    let made: Instance | undefined;
    load().then(
      ({ init }) => {
        if (!element.isConnected) return;
        made = init(element, null, { renderer: 'svg' });
        setChart(made);
      },
      () => setFailed(true),
    );
    const observer = new ResizeObserver(([entry]) => {
      made?.resize();
      setWidth(Math.round(entry!.contentRect.width));
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      made?.dispose();
    };
  }, []);

  const colours = scheme.value;
  useEffect(() => {
    if (!chart || width === 0) return;
    // Series are replaced, so that none of an older set stays; the rest is kept, or an open tooltip would flicker.
    chart.setOption(chartOption(data, width), { replaceMerge: ['series'], lazyUpdate: true });
  }, [chart, width, data, colours]);

  return (
    <div class={tall ? 'chart tall' : 'chart'}>
      <div class="chart-box" ref={box} role="img" aria-label={label} />
      {failed && <p class="note">The charts could not be loaded. The tables have the same numbers.</p>}
    </div>
  );
}
