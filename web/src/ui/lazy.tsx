import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';

/** A view that is loaded when it is shown for the first time. */
export function lazy(load: () => Promise<ComponentType>): ComponentType {
  let loaded: ComponentType | null = null;
  return function Lazy() {
    const [, redraw] = useState(0);
    const [failed, setFailed] = useState(false);
    useEffect(() => {
      if (loaded !== null) return;
      load().then(
        (view) => {
          loaded = view;
          redraw((n) => n + 1);
        },
        () => setFailed(true),
      );
    }, []);
    const View = loaded;
    if (View !== null) return <View />;
    if (!failed) return <p class="waiting note">Loading …</p>;
    return (
      <section class="banner bad" aria-label="View not loaded">
        <p>
          <strong>This view could not be loaded.</strong> Tillstream does not answer, or has been updated
          since the page was opened.
        </p>
        <button type="button" onClick={() => location.reload()}>
          Load the page again
        </button>
      </section>
    );
  };
}
