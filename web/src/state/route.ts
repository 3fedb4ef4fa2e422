/** Which view of the page is shown: `#/`, `#/import`, `#/sources`. The dashboard also has addresses of its own, such as `#range=7d`. */
import { signal } from '@preact/signals';

export type Route = 'dashboard' | 'import' | 'sources';

/** The views that there are, in the order of their links. */
export const VIEWS: readonly { route: Route; title: string }[] = [
  { route: 'dashboard', title: 'Dashboard' },
  { route: 'sources', title: 'Sources' },
];

/** The part of the address that a view begins with. */
export const hashOf = (route: Route): string => (route === 'dashboard' ? '#/' : `#/${route}`);

export function routeOf(hash: string): Route {
  const name = /^#\/(\w+)/.exec(hash)?.[1];
  return VIEWS.find(({ route }) => route === name)?.route ?? 'dashboard';
}

const current = signal<Route>(routeOf(location.hash));
/** What the dashboard showed last, so that it is the same when it is opened again. */
let dashboardHash = hashOf('dashboard');

/** The view that is shown. Components that call it follow. */
export const useRoute = (): Route => current.value;

export function navigate(route: Route): void {
  if (route === current.value) return;
  if (current.value === 'dashboard' && location.hash !== '') dashboardHash = location.hash;
  location.hash = route === 'dashboard' ? dashboardHash : hashOf(route);
}

function follow(): void {
  current.value = routeOf(location.hash);
  const { title } = VIEWS.find(({ route }) => route === current.value)!;
  document.title = current.value === 'dashboard' ? 'Tillstream' : `${title} - Tillstream`;
}

follow();
addEventListener('hashchange', follow);
addEventListener('popstate', follow);
