/**
 * Sources that bring history: files that are loaded or imported on the page, and the past of the demo. Their rows are older than their receipt by
 * nature, so they are never late. Stored with each row, so a rebuild from the archive decides the same.
 */
export const HISTORY_SOURCES = ['load', 'page-import', 'demo-history'] as const;
