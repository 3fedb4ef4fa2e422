/** Which view is shown. It is the path in the address after the #; any other text there is the dashboard's own. */
import { signal } from '@preact/signals';

export type Route = 'dashboard' | 'import' | 'sources';

/** The views, in the order of the header. */
export const VIEWS: readonly { route: Route; hash: string; title: string }[] = [
  { route: 'dashboard', hash: '#/', title: 'Dashboard' },
  { route: 'import', hash: '#/import', title: 'Import' },
  { route: 'sources', hash: '#/sources', title: 'Sources' },
];

/** The view of an address. */
export function routeOf(hash: string): Route {
  return VIEWS.find((view) => view.route !== 'dashboard' && view.hash === hash)?.route ?? 'dashboard';
}

const current = signal<Route>(routeOf(location.hash));
/** What the dashboard showed when it was left: the way back leads there. */
const left = signal('#/');

/** The view that is shown. */
export const useRoute = (): Route => current.value;

/** The address of a view. */
export function hashOf(route: Route): string {
  return route === 'dashboard' ? left.value : VIEWS.find((view) => view.route === route)!.hash;
}

/** Shows a view; the back button leads back. */
export function navigate(route: Route): void {
  location.hash = hashOf(route);
}

addEventListener('hashchange', ({ oldURL }) => {
  // Not what was seen last: the dashboard changes its address without this event.
  const before = new URL(oldURL).hash;
  const route = routeOf(location.hash);
  if (routeOf(before) === 'dashboard' && route !== 'dashboard') left.value = before || '#/';
  current.value = route;
  nameTab();
});

function nameTab(): void {
  const { title } = VIEWS.find(({ route }) => route === current.value)!;
  document.title = current.value === 'dashboard' ? 'Tillstream' : `${title} - Tillstream`;
}
nameTab();
