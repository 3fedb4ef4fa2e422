import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';

/** A component of a chunk of its own. */
export function Lazy({ load }: { load: () => Promise<ComponentType> }) {
  const [loaded, setLoaded] = useState<{ View: ComponentType } | 'failed' | null>(null);
  useEffect(() => {
    let isOn = true;
    load().then(
      (View) => isOn && setLoaded({ View }),
      () => isOn && setLoaded('failed'),
    );
    return () => {
      isOn = false;
    };
  }, [load]);
  if (loaded === null) return <p class="waiting note">Loading …</p>;
  if (loaded === 'failed')
    return (
      <section class="banner bad" aria-label="View not loaded">
        <p>This view could not be loaded: Tillstream does not answer, or was updated. Load the page again.</p>
        <button type="button" onClick={() => location.reload()}>
          Load again
        </button>
      </section>
    );
  return <loaded.View />;
}
