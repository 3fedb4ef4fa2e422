import {
  BOT,
  CURRENCY,
  EVENT_ID,
  EVENT_TYPE,
  indexOf,
  LINE_ID,
  ORDER_ID,
  PRODUCT_ID,
  TEST,
  TIMESTAMP,
  URL,
  USER_AGENT,
  USER_ID,
} from '../event/field-index.ts';
import { FIELDS, type Field, FUTURE_TOLERANCE_MS, ORDER_EVENT_TYPES } from '../event/fields.ts';
import type { Reason } from '../event/reasons.ts';
import { formatInstant } from '../event/timestamp.ts';
import { readCampaign } from './campaign.ts';
import { isReturnOfGoods } from './document-words.ts';
import { isStorable, jsonText } from './json-text.ts';
import { isKnownBot } from './known-bot.ts';
import { returnedGoodsOf } from './mapping/returned-goods.ts';
import { MoneyFields } from './money-fields.ts';
import {
  keepsPlainLines,
  type NormalizeSettings,
  type NormalizeSettingsInput,
  settingsSchema,
} from './normalize-settings.ts';
import { codeOf, type Note } from './notes.ts';
import type { ObservedEvent } from './observed-event.ts';
import { INVALID, readText, type TextRule } from './read-text.ts';
import { isOtherType } from './record-slots.ts';
import { RecordState } from './record-state.ts';
import { createNullCheck } from './values/null-words.ts';
import { plainValue } from './values/plain-value.ts';
import { createEventTypeReader } from './values/read-event-type.ts';
import { readBoolean, readInteger } from './values/read-number.ts';
import { createTimeReader, type TimeValue } from './values/read-time.ts';
import { isZoneName } from './values/time-zone-text.ts';

/** An event in its canonical form, without a line end; or why the record is not an event, with the field. */
export type Normalized =
  | { readonly line: Buffer; readonly notes: readonly Note[] }
  | { readonly reason: Reason; readonly field?: string; readonly notes: readonly Note[] };

/** Measured times have fractions that mean nothing; those of other whole numbers do. */
const ROUNDED_NAMES = new Set(['response_time']);

/** Names that say the unit. */
const MILLISECONDS = /ms$|milli/i;
const DAY_MICROS = 86_400e6;

const DEFAULT_ZONE = settingsSchema.parse({}).time_zone;
const noId = () => null;

/** Whether a number is between 0 and 1. */
function isPartOfOne(value: unknown): boolean {
  const number = Number(String(plainValue(value)).replace(',', '.'));
  return number > 0 && number < 1;
}

/** Makes events of the records of a source, one at a time. */
export class Normalizer implements ObservedEvent {
  readonly #settings: NormalizeSettings;
  readonly #state: RecordState;
  readonly #money: MoneyFields;
  /** The time that a value is. */
  readonly readTime: ReturnType<typeof createTimeReader>;
  /** Whether the settings name event types of the source. */
  readonly hasOwnEventTypes: boolean;
  /** Whether the settings say in which unit amounts are. */
  readonly isUnitSaid: boolean;
  /** Our name of an event type of the source. */
  readonly readEventType: ReturnType<typeof createEventTypeReader>;
  /** The time of the event that was just made, microseconds since 1970. */
  micros = 0;
  /** Whether its user agent is that of a bot. */
  isBotAgent = false;
  /** Whether events in their canonical form are those that the settings would make of them. */
  readonly keepsPlainLines: boolean;
  readonly #textRules: readonly TextRule[];
  readonly #isZoneSet: boolean;

  /** `isZoneSet`: the time zone was set for this source, so nothing is assumed where times name none. */
  constructor(given: NormalizeSettingsInput = {}, { isZoneSet = false } = {}) {
    const settings = settingsSchema.parse(given);
    // Another one than the default was set for the shop.
    this.#isZoneSet = isZoneSet || settings.time_zone !== DEFAULT_ZONE;
    this.#settings = settings;
    this.keepsPlainLines = keepsPlainLines(given);
    const isNull = createNullCheck(settings.null_words);
    const isNullUser = createNullCheck([...settings.null_words, ...settings.null_users]);
    this.#state = new RecordState(isNull);
    this.#money = new MoneyFields(this.#state, settings, isNull);
    this.readTime = createTimeReader({
      zone: settings.time_zone,
      dateOrder: settings.date_order,
      unit: settings.time_unit,
      format: settings.time_format,
    });
    this.isUnitSaid = settings.minor_units !== undefined;
    this.hasOwnEventTypes = Object.keys(settings.event_types).length > 0;
    this.readEventType = createEventTypeReader(settings.event_types);
    this.#textRules = FIELDS.map(({ name, bytesMax = 0 }, index) => ({
      isId: name.endsWith('_id'),
      bytesMax,
      isNull: index === USER_ID ? isNullUser : isNull,
    }));
  }

  /**
   * Makes an event in its canonical form of a record's fields, by whatever names. `eventIdFor` may give an id for an event that
   * has none; it gets the type.
   */
  normalize(
    fields: Readonly<Record<string, unknown>>,
    receivedAtMs: number,
    eventIdFor: (type: string) => string | null = noId,
  ): Normalized {
    const state = this.#state;
    const reason = state.read(fields) ? this.#readDeciding(receivedAtMs) : 'reserved_field';
    if (reason !== null) return this.#rejected(reason);
    const goods = returnedGoodsOf(fields);
    if (goods !== undefined) state.notes.push({ code: 'goods_returned', field: goods });
    this.#readRest();
    const eventId = eventIdFor(this.text(EVENT_TYPE)!);
    if (eventId !== null) state.json[EVENT_ID] = jsonText(eventId);
    if (this.#settings.order_lines === 'distinct') this.#nameLine();
    const line = state.line();
    return state.isTooDeep ? this.#rejected('too_deep') : { line: Buffer.from(line), notes: state.notes };
  }

  /** A line of an order is known by its event_id too. */
  #nameLine(): void {
    const { json } = this.#state;
    const isLine = json[ORDER_ID] !== undefined && json[PRODUCT_ID] !== undefined;
    if (isLine && json[LINE_ID] === undefined && ORDER_EVENT_TYPES.includes(this.text(EVENT_TYPE)!))
      json[LINE_ID] = json[EVENT_ID];
  }

  /** Whether the event that was just made is of a bot. */
  get isBot(): boolean {
    return this.#state.json[BOT] !== undefined;
  }

  /** Text of a field of the event that was just made. */
  has(index: number): boolean {
    return this.#state.json[index] !== undefined;
  }

  text(index: number): string | null {
    const json = this.#state.json[index];
    if (json === undefined) return null;
    return json.startsWith('"') ? (JSON.parse(json) as string) : json;
  }

  #rejected(reason: Reason): Normalized {
    const { field, notes } = this.#state;
    return field === undefined ? { reason, notes } : { reason, field, notes };
  }

  /** What decides whether the record is an event: its type, its time, and the money of a sale. */
  #readDeciding(receivedAtMs: number): Reason | null {
    const { values } = this.#state.slots;
    if (this.#state.isEmpty(values[TIMESTAMP])) return this.#state.fail('missing_field', TIMESTAMP);
    const type = values[EVENT_TYPE];
    if (this.#state.isEmpty(type)) return this.#state.fail('missing_field', EVENT_TYPE);
    if (typeof type !== 'string' && !Number.isSafeInteger(type))
      return this.#state.fail('wrong_type', EVENT_TYPE);
    if (String(type).includes('\0')) return this.#state.fail('nul_character', EVENT_TYPE);
    const { name, isKnown, nearest } = this.readEventType(String(type).trim());
    if (!isKnown) {
      if (!isStorable(name)) return this.#state.fail('not_json', EVENT_TYPE);
      this.#state.notes.push({ code: 'unknown_event_type', field: 'event_type', value: name, nearest });
    }
    if (Buffer.byteLength(name) > FIELDS[EVENT_TYPE]!.bytesMax!)
      return this.#state.fail('text_too_long', EVENT_TYPE);
    this.#state.json[EVENT_TYPE] = jsonText(name);
    if (name === 'refund' && isReturnOfGoods(String(type)))
      this.#state.notes.push({ code: 'goods_returned', field: String(type) });
    return this.#readTimestamp(receivedAtMs) ?? this.#money.read(name);
  }

  #readTimestamp(receivedAtMs: number): Reason | null {
    if (isOtherType(this.#state.slots.values[TIMESTAMP])) return this.#state.fail('wrong_type', TIMESTAMP);
    const time = this.readTime(this.#state.slots.values[TIMESTAMP]);
    if (typeof time === 'string') return this.#state.fail(time, TIMESTAMP);
    if (time.micros > (receivedAtMs + FUTURE_TOLERANCE_MS) * 1000) {
      return this.#state.fail('timestamp_in_future', TIMESTAMP);
    }
    this.#dropSameTimes(time.micros);
    const doubts = this.timeNotes(time, this.#state.slots.values[TIMESTAMP]);
    for (const doubt of doubts) this.#state.notes.push(doubt);
    if (doubts.some(({ code }) => code === 'zone_assumed')) this.#noteOtherZone(time.micros);
    this.micros = time.micros;
    this.#state.json[TIMESTAMP] = `"${formatInstant(time.micros)}"`;
    return null;
  }

  /** What is doubtful about a time that came as `value`. */
  timeNotes({ zoneAssumed, dayMonth }: TimeValue, value: unknown): Note[] {
    const notes: Note[] = [];
    if (zoneAssumed && !this.#isZoneSet) notes.push({ code: 'zone_assumed', field: 'timestamp', value });
    if (dayMonth === undefined || this.#settings.date_order !== undefined) return notes;
    const code = dayMonth === 'both_small' ? 'day_month_both_small' : 'day_month_certain';
    notes.push({ code, field: 'timestamp', value });
    return notes;
  }

  /** Notes a column with a zone in which the time would be another. */
  #noteOtherZone(micros: number): void {
    const { slots, notes } = this.#state;
    const names = [...slots.otherNames, ...Object.keys(slots.extra ?? {})];
    const field = names.find(isZoneName);
    if (field === undefined) return;
    const at = slots.otherNames.indexOf(field);
    const zone = String(at < 0 ? slots.extra![field] : slots.otherValues[at]).trim();
    const time = this.readTime(`${String(slots.values[TIMESTAMP])} ${zone}`);
    if (typeof time !== 'string' && !time.zoneAssumed && time.micros !== micros)
      notes.push({ code: 'zone_column', field, value: zone, nearest: zone });
  }

  /** Times of one event by different names differ: it happened, and was sent and stored after that. */
  #dropSameTimes(micros: number): void {
    const { notes } = this.#state;
    if (!notes.some(({ code, field }) => code === 'alias_chosen' && field === 'timestamp')) return;
    this.#state.notes = notes.filter(({ code, field, value }) => {
      if (code !== 'alias_chosen' || field !== 'timestamp') return true;
      const other = isOtherType(value) ? 'wrong_type' : this.readTime(value);
      return typeof other === 'string' || Math.abs(other.micros - micros) > DAY_MICROS;
    });
  }

  /** The fields that decide nothing. */
  #readRest(): void {
    const { values, used } = this.#state.slots;
    this.#addCampaign(values[URL]);
    for (const index of used) {
      const value = values[index];
      if (value === undefined || index === TIMESTAMP || index === EVENT_TYPE || index === CURRENCY) continue;
      const field = FIELDS[index]!;
      if (field.kind === 'text') this.#readTextField(index, value);
      else if (field.kind === 'integer') this.#readIntegerField(field, index, value);
      else if (field.kind === 'boolean') this.#readBooleanField(index, value);
    }
    // As it is stored, so that the stored line says the same.
    const agent = this.text(USER_AGENT);
    this.isBotAgent = this.#settings.mark_bots && agent !== null && isKnownBot(agent);
    if (this.isBotAgent) this.#state.json[BOT] = 'true';
    this.#settleTest();
  }

  /** Other columns may say that the event is a test, unless the field does. */
  #settleTest(): void {
    const { json, notes, slots } = this.#state;
    const isTest = notes.some(({ code }) => code === 'test_marked');
    if (!isTest && !notes.some(({ code }) => code === 'test_likely')) return;
    const isSaid = !this.#state.isEmpty(slots.values[TEST]);
    if (isTest && !isSaid) json[TEST] = 'true';
    this.#state.notes = notes.filter(
      ({ code }) =>
        (code !== 'test_marked' && code !== 'test_likely') ||
        (!isSaid && (code === 'test_marked' || !isTest)),
    );
  }

  #readTextField(index: number, value: unknown): void {
    if (typeof value !== 'string' && this.#state.isEmpty(value)) return;
    const text = readText(value, this.#textRules[index]!);
    if (text === INVALID) this.#state.addInvalid(index, value);
    else if (typeof text === 'string') this.#state.json[index] = jsonText(text);
    else if (text !== null) {
      if (text.isCut) this.#state.note('cut_text', index);
      if (text.isReplaced) this.#state.note('replaced_character', index);
      if (text.text !== '') this.#state.json[index] = jsonText(text.text);
    }
  }

  #readIntegerField(field: Field, index: number, value: unknown): void {
    if (this.#state.isEmpty(value)) return;
    const number = readInteger(value, ROUNDED_NAMES.has(field.name), this.#settings.decimal);
    if (typeof number === 'string') this.#state.addInvalid(index, value, codeOf(number));
    else if (number < field.min! || number > field.max!) this.#state.addInvalid(index, value);
    else {
      const isUnitNamed = MILLISECONDS.test(this.#state.slots.names[index]!);
      if (number <= 1 && ROUNDED_NAMES.has(field.name) && !isUnitNamed && isPartOfOne(value))
        this.#state.note('response_seconds', index);
      this.#state.json[index] = `"${number}"`;
    }
  }

  #readBooleanField(index: number, value: unknown): void {
    if (this.#state.isEmpty(value)) return;
    const answer = readBoolean(value);
    if (answer === null) this.#state.addInvalid(index, value);
    else if (answer) this.#state.json[index] = 'true';
  }

  /** Fields that the record does not have itself, from its address. */
  #addCampaign(url: unknown): void {
    if (typeof url !== 'string') return;
    readCampaign(url, (name, value) => {
      const index = indexOf(name);
      if (this.#state.isEmpty(this.#state.slots.values[index])) this.#state.slots.add(index, value);
    });
  }
}
