/** Files that are imported by the API, as the page does it. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ImportView } from '../../src/imports/imports.ts';
import type { Preview } from '../../src/imports/preview.ts';
import type { Answer, Product } from './product.ts';

const ENDED_MS_MAX = 60_000;

export interface Refused {
  error: { code: string; message: string; hint: string };
}

/** Announces and uploads a file in one piece; gives the last answer. */
export async function uploadFile(product: Product, name: string, content: string | Uint8Array) {
  const bytes = Buffer.byteLength(content);
  const announced = await product.request<ImportView & Refused>(
    'POST',
    `/v1/imports?name=${encodeURIComponent(name)}&bytes=${bytes}`,
  );
  if (announced.status !== 201) return announced;
  const path = `/v1/imports/${announced.json.id}/content`;
  return product.request<ImportView & Refused>('PUT', path, { body: content });
}

/** Uploads a file that is taken; gives its id. */
export async function uploaded(
  product: Product,
  name: string,
  content: string | Uint8Array,
): Promise<string> {
  const { status, json, text } = await uploadFile(product, name, content);
  assert.equal(status, 200, text);
  return json.id;
}

export function tryFile(product: Product, id: string, choice: object, guess = false) {
  const path = `/v1/imports/${id}/preview${guess ? '?guess=true' : ''}`;
  return product.request<Preview & Refused>('POST', path, { body: JSON.stringify(choice) });
}

export function startImport(product: Product, id: string, choice: object, again = false) {
  const path = `/v1/imports/${id}/load${again ? '?again=true' : ''}`;
  return product.request<ImportView & Refused>('POST', path, { body: JSON.stringify(choice) });
}

export const importOf = (product: Product, id: string): Promise<Answer<ImportView & Refused>> =>
  product.request('GET', `/v1/imports/${id}`);

/** Waits until a load has ended. */
export async function ended(product: Product, id: string): Promise<ImportView> {
  const until = performance.now() + ENDED_MS_MAX;
  for (;;) {
    const { json } = await importOf(product, id);
    if (!['loading', 'counting'].includes(json.state)) return json;
    assert.ok(performance.now() < until, `the import has not ended: ${JSON.stringify(json)}`);
    await sleep(50);
  }
}

/** An export without ids, of so many lines: nothing but its place tells two rows apart. */
export function exportCsv(lines: number): string {
  const rows = Array.from({ length: lines }, (_, n) => {
    const time = new Date(Date.UTC(2024, 10, 1) + n * 1000).toISOString();
    const isSale = n % 20 === 0;
    return `${time},${isSale ? 'purchase' : 'view_product'},u${n % 700},p${n % 90},${isSale ? '19.90' : ''},EUR`;
  });
  return `timestamp,event_type,user_id,product_id,amount,currency\n${rows.join('\n')}\n`;
}
