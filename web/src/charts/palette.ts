/**
 * Colours of data. Told apart by people with any colour blindness (after Okabe and Ito, toned so that each has a
 * contrast of at least 3 to the panel), and never the only mark: legends carry names, lines differ in dash.
 */
import { computed, signal } from '@preact/signals';

export type Scheme = 'light' | 'dark';
export type Theme = Scheme | 'system';

const STORED = 'tillstream.theme';

function stored(): Theme {
  try {
    const value = localStorage.getItem(STORED);
    return value === 'light' || value === 'dark' ? value : 'system';
  } catch {
    // A browser that keeps nothing.
    return 'system';
  }
}

const systemDark = matchMedia('(prefers-color-scheme: dark)');
const system = signal<Scheme>(systemDark.matches ? 'dark' : 'light');
systemDark.addEventListener('change', () => {
  system.value = systemDark.matches ? 'dark' : 'light';
});

export const theme = signal<Theme>(stored());
export const scheme = computed<Scheme>(() => (theme.value === 'system' ? system.value : theme.value));

function apply(next: Theme): void {
  if (next === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
}
apply(theme.value);

export function setTheme(next: Theme): void {
  theme.value = next;
  apply(next);
  try {
    localStorage.setItem(STORED, next);
  } catch {
    // Storage may be forbidden; the choice then lasts as long as the page.
  }
}

interface Palette {
  series: string[];
  other: string;
  good: string;
  warn: string;
  bad: string;
  text: string;
  muted: string;
  grid: string;
  open: string;
  panel: string;
}

const LIGHT: Palette = {
  series: ['#4a6fa5', '#2f9bb8', '#c8811a', '#0f766e', '#a8527a', '#7a6a4f', '#6a5acd', '#5b8c3a', '#a0433a'],
  other: '#8a8f98',
  good: '#0f766e',
  warn: '#c8811a',
  bad: '#c2410c',
  text: '#1c2024',
  muted: '#60666e',
  grid: '#e6e7e4',
  open: 'rgba(28, 32, 36, 0.05)',
  panel: '#ffffff',
};

const DARK: Palette = {
  series: ['#7f9fd1', '#56bcd6', '#e0a046', '#3cb8a5', '#d688ab', '#b7a27c', '#a79cf0', '#9cc46b', '#e58f7b'],
  other: '#868c95',
  good: '#3cb8a5',
  warn: '#e0a046',
  bad: '#f0764a',
  text: '#e8eaed',
  muted: '#9aa1ab',
  grid: '#2a2e34',
  open: 'rgba(255, 255, 255, 0.06)',
  panel: '#181b1f',
};

export const palette = computed(() => (scheme.value === 'dark' ? DARK : LIGHT));

const FIXED = ['view_product', 'add_to_cart', 'checkout', 'purchase'];
const DEVICES = ['mobile', 'desktop', 'tablet'];

/** The same name has the same colour in every chart and range; names that are not known share the rest by their order. */
export function colourOf(name: string, others: readonly string[]): string {
  const { series, other } = palette.value;
  const known = FIXED.includes(name) ? FIXED.indexOf(name) : DEVICES.indexOf(name);
  if (known >= 0) return series[known]!;
  if (name === 'unknown' || name === 'other') return other;
  const named = [...FIXED, ...DEVICES, 'unknown', 'other'];
  const rest = others.filter((one) => !named.includes(one));
  return series[4 + (rest.indexOf(name) % (series.length - 4))] ?? other;
}
