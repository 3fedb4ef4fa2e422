/** What a process does of the work. By default it does all of it. */
export const ROLES = ['collect', 'archive', 'metrics', 'serve'] as const;
export type Role = (typeof ROLES)[number];
