import type { Finding } from './finding.ts';
import { FINDINGS, type FindingCode } from './finding-catalogue.ts';
import { shortText } from './rejected-example.ts';

/** Subjects of one code that are told apart; those after them are counted together. */
const SUBJECTS_MAX = 20;
const OTHERS = 'others';

interface TallyEntry {
  readonly code: FindingCode;
  readonly subject: string;
  detail: string;
  rows: number;
  readonly example: string;
}

/** Counts findings: rows by code and subject, each with its first example. */
export class FindingTally {
  readonly #entries = new Map<string, TallyEntry>();
  readonly #subjects = new Map<FindingCode, number>();

  /** `example`: the value or record in doubt; `subject`, `detail`: what the message of the code takes. */
  add(code: FindingCode, example: string, subject = '', detail = '', rows = 1): void {
    let key = `${code} ${subject}`;
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      const subjects = this.#subjects.get(code) ?? 0;
      const isOther = subjects >= SUBJECTS_MAX;
      if (isOther) {
        key = `${code} ${OTHERS}`;
        entry = this.#entries.get(key);
      } else this.#subjects.set(code, subjects + 1);
      if (entry === undefined) {
        const [name, example200] = [isOther ? OTHERS : shortText(subject), shortText(example)];
        entry = { code, subject: name, detail, rows: 0, example: example200 };
        this.#entries.set(key, entry);
      }
    }
    entry.rows += rows;
    entry.detail = detail;
  }

  /** Counts at least so many rows of a code: others have looked at the same events, and more. */
  addAtLeast(code: FindingCode, example: string, rows: number): void {
    const counted = this.#entries.get(`${code} `)?.rows ?? 0;
    if (rows > counted) this.add(code, example, '', '', rows - counted);
  }

  merge(other: FindingTally): void {
    for (const { code, example, subject, detail, rows } of other.#entries.values())
      this.add(code, example, subject, detail, rows);
  }

  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  /** Most rows first. */
  list(): Finding[] {
    return [...this.#entries.values()]
      .sort((a, b) => b.rows - a.rows)
      .map(({ code, rows, subject, detail, example }) => ({
        code,
        rows,
        message: FINDINGS[code].message(subject, detail),
        example,
        setting: FINDINGS[code].setting,
      }));
  }
}
