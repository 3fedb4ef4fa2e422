/**
 * What may be doubtful in events that came in: the closed list, from which messages and docs are made. A finding rejects nothing; it
 * says what was assumed or looks wrong, and which setting settles it.
 */
interface FindingKind {
  /** One sentence for people. `subject`: a field, an event type or a value, where the finding is about one. */
  readonly message: (subject: string, detail: string) => string;
  /** What to do when the doubt is right. */
  readonly setting: string;
}

const kinds = <K extends string>(list: Record<K, FindingKind>) => list;

export const FINDINGS = kinds({
  purchase_without_value: {
    message: () => 'Purchases or refunds without amount and price: they count without money.',
    setting: 'Send the order total as `amount`, or `price` and `quantity`.',
  },
  negative_purchase: {
    message: () => 'Purchases with a negative amount: they lower the revenue.',
    setting: 'Send returned goods as event type `refund`.',
  },
  mapping_fits: {
    message: (name) =>
      `Records have no time or no type by the names that are read. ${name === '' ? 'A mapping can be proposed for them.' : `The mapping ${name} reads them.`}`,
    setting: 'Load them with `--map NAME` (map), or with what `map guess FILE` proposes.',
  },
  unknown_event_type: {
    message: (type, nearest) =>
      `No metric but traffic uses the event type ${type}.${nearest ? ` Did you mean ${nearest}?` : ''}`,
    setting: 'Use an event type of docs/events.md where one fits.',
  },
  near_name: {
    message: (field, nearest) =>
      `The field ${field} is not known and is kept in \`extra\`. Did you mean ${nearest}?`,
    setting: 'Rename the field.',
  },
  names_conflict: {
    message: (field) => `Several fields are spellings of ${field} and differ; the exact name wins.`,
    setting: 'Send one of them.',
  },
  alias_chosen: {
    message: (field, list) =>
      `Fields that are other names of ${field} differ in a record: ${list}. The first one was read; the other is kept in \`extra\`.`,
    setting: 'Name the right one in a mapping, `fields: {...}`, or send it by its exact name.',
  },
  invalid_field: {
    message: (field) =>
      `Values of ${field} can't be read. The events count; the values are kept in \`extra.invalid\`.`,
    setting: 'Correct the values. docs/events.md lists the forms that are read.',
  },
  cut_text: {
    message: (field) => `Texts of ${field} were longer than the limit and have been cut.`,
    setting: 'Send shorter texts.',
  },
  id_reused: {
    message: () =>
      'The same event_id comes with other content. Only events with the same event_id, event_type and timestamp are duplicates.',
    setting: 'Send an event_id that is unique, or none.',
  },
  order_id_reused: {
    message: () =>
      'The same order_id comes with times that are more than 4 days apart. What is received within 30 days of each other is one order, of which equal purchases count once.',
    setting:
      'Send order_ids that are unique, such as with the year; leave them empty, or add the word to `null_words`, where there is none.',
  },
  order_repeated: {
    message: () =>
      'Orders have several purchases with the same amount and different products, as a join of orders and their lines gives them: the amount counts each time.',
    setting:
      'Send one purchase per order with `items`, or `price` and `quantity` of each line without `amount`.',
  },
  order_told_again: {
    message: () =>
      'Orders were reported as a whole more than once with different amounts, or as a whole and line by line: all of them count.',
    setting:
      'Let one system tell of orders, or let all send the same amount, with tax or without; leave the others out with `where` in their mapping.',
  },
  order_currencies: {
    message: () =>
      'Purchases or refunds of an order are in more than one currency. Of those with equal amounts the first one counts, in its currency; others count each.',
    setting:
      'Let all systems send the currency of the order, or leave the others out with `where` in their mapping.',
  },
  order_cancelled: {
    message: () =>
      'Orders that had been counted are reported as cancelled or given back, and no refund of them came: their revenue stays.',
    setting: 'Send a `refund` with the order_id and the amount for each.',
  },
  cancelled_purchase: {
    message: (status) => `Purchases with "${status}" count as sales, and no refund of them came.`,
    setting: 'Leave them out with `where` in a mapping, or send a `refund` for each.',
  },
  refund_document: {
    message: (kind) => `Purchases with "${kind}" count as sales, and look like what was given back.`,
    setting:
      'Map the column to `event_type`, as `map guess FILE` proposes for a table without types: `values: {Gutschrift: refund}`.',
  },
  partly_refunded: {
    message: (status) =>
      `Purchases with "${status}" count in full: what was given back is not taken off, and no refund of them came.`,
    setting: 'Send a `refund` with the order_id and the amount for each.',
  },
  equal_lines: {
    message: () => 'Equal lines of an order come with different event_ids. They count once.',
    setting:
      'Set `order_lines: distinct` for the source or in its mapping if each is a line of its own; or send the quantity in one line.',
  },
  equal_rows: {
    message: () =>
      'Purchases or refunds without event_id and order_id equal others of the same input, their time included: each counts.',
    setting:
      'Map a column that is different in each row to `event_id`, or the order to `order_id`; or take rows out that come twice.',
  },
  line_changed: {
    message: () => 'Lines of an order come again with another quantity, price or amount: all of them count.',
    setting: 'Send what was taken back as a `refund`, and as a `purchase` only what was bought in addition.',
  },
  order_spelled: {
    message: () => 'Orders come with "#" before their number, and without it: they count as two orders.',
    setting: 'Take the number alone in a mapping: `order_id: {from: order_id, match: "[0-9]+"}`.',
  },
  equal_refunds: {
    message: () => 'Equal refunds of an order come with different event_ids. They count once.',
    setting:
      'Send the id of each refund as `line_id`, or map it to that, if each is a refund of its own and no other system reports it.',
  },
  refund_column: {
    message: (field) =>
      `${field} has amounts that were given back. They are kept in \`extra\` and count as no refund.`,
    setting: 'Send each refund as an event of its own, of the type `refund`.',
  },
  adjusted_total: {
    message: (field) =>
      `${field} differs from the amount, as after a refund or a discount. The amount counts; the other is kept in \`extra\`.`,
    setting: 'Send what was given back as a `refund`, or map the right column to `amount`.',
  },
  total_and_lines: {
    message: () =>
      'The amount is not what the lines cost (`price` times `quantity`, or `items`, with tax, shipping and discount). The amount counts.',
    setting: 'Leave out `amount` if the lines are right; else send what is missing, such as `discount`.',
  },
  total_of_order: {
    message: (field) =>
      `${field} is not what the line of the product costs: it was taken for the total of its order and is kept in \`extra\`. \`price\` times \`quantity\` counts.`,
    setting: 'Send it as `amount` if it is the amount of the line.',
  },
  total_row: {
    message: (field, word) =>
      `Purchases have ${word} as ${field}: they look like the sum of other rows, and count as sales.`,
    setting: 'Leave such rows out with `where` in a mapping.',
  },
  rows_loaded_before: {
    message: () =>
      'Rows of the files equal rows of other files, and have no event_id and no order_id by which they would be known: they count again.',
    setting: 'Load exports that do not overlap, or map a column that is different in each row to `event_id`.',
  },
  lines_without_total: {
    message: (field) =>
      `Amounts were added up from the lines of orders that have none: ${field} is not in them.`,
    setting: 'Send the total of the order as `amount`.',
  },
  units_assumed: {
    message: () =>
      'The records do not say how many pieces of an order were bought: `units` has one piece for each order.',
    setting: 'Take the orders from a source that has their lines, or leave `units` aside.',
  },
  pieces_column: {
    message: (field) =>
      `${field} may be how many pieces were bought. It is kept in \`extra\`, and \`units\` has one piece for each order.`,
    setting: 'Map it to `quantity` if it is.',
  },
  numbered_lines: {
    message: () =>
      'Numbered columns, such as product_1 and product_2, hold the lines of an order side by side. They are kept in `extra`: no product has them, and `units` has one piece for each order.',
    setting:
      'Export a row for each line of an order, or make `items` of the columns in a mapping in TypeScript.',
  },
  extra_line: {
    message: (word, field) =>
      `Purchases have ${word} as ${field}: they look like shipping or a discount of an order. Their money counts, and so do they, as products and pieces.`,
    setting:
      'Leave such rows out with `where` in a mapping (of `items` for lines in a list) where the order has a total; or keep them, and leave `units` and `products` aside.',
  },
  zero_quantity: {
    message: () => 'Purchases have a price, and a quantity of 0: they count as orders without revenue.',
    setting: 'Send the number of pieces, leave the field out for one piece, or leave such rows out.',
  },
  minor_units: {
    message: (currency) =>
      `Amounts are whole numbers, and none has decimals: they were read as ${currency}, and may be in its smaller unit, as Square, Stripe, Klarna and Adyen write them.`,
    setting:
      'Set `minor_units` for the source, or of the field in a mapping: true if 1999 is 19.99, false to confirm.',
  },
  one_user: {
    message: (field, share) => `${share} of the events have the same ${field}.`,
    setting: 'Leave the field empty for guests, or add the value to `null_words`.',
  },
  mostly_bots: {
    message: () =>
      'More than half of the events are of bots, by their user agent: they are archived, and left out of the metrics.',
    setting: 'Set `mark_bots: false` for the source, or in the mapping, if they are customers.',
  },
  bot_sales: {
    message: (agent) =>
      `Purchases or refunds have the user agent of a bot, "${agent}": they are archived, and left out of the metrics.`,
    setting: 'Set `mark_bots: false` for the source, or in the mapping, if a program of the shop sends them.',
  },
  test_marked: {
    message: (mark) =>
      `Events with "${mark}" were taken for tests: they are archived, and left out of the metrics.`,
    setting: 'Send `test: false` with them, or set `test: {value: false}` in a mapping, if they are not.',
  },
  test_likely: {
    message: (mark) => `Purchases or refunds with "${mark}" count, and may be tests.`,
    setting:
      'Send `test: true` with them, leave them out with `where` in a mapping, or send `test: false` to confirm.',
  },
  only_tests: {
    message: () =>
      'All purchases and refunds are marked as tests: they are archived, and left out of the metrics.',
    setting: 'Leave out `test` in the mapping, or in the events, if they are of customers.',
  },
  day_month: {
    message: () => 'Dates were read month first, and no day is above 12: day and month may be swapped.',
    setting: 'Set --date-order (date_order) to dmy if the day comes first, or to mdy to confirm.',
  },
  zone_assumed: {
    message: (zone) => `Times without a zone were read as times of ${zone}.`,
    setting: 'Set --time-zone (time_zone) to the zone of the source.',
  },
  zone_column: {
    message: (field, zone) =>
      `${field} names the zone of times, such as ${zone}, and is kept in \`extra\`: times beside it were read in another zone.`,
    setting:
      'Join the two in a mapping, `timestamp: {join: [timestamp, TimeZone]}`; or set --time-zone (time_zone) if the column means something else.',
  },
  currency_unknown: {
    message: () =>
      'Purchases and refunds have no currency that can be read. Their money counts under the currency "unknown".',
    setting: 'Send an ISO 4217 code such as EUR, or set --currency (currency).',
  },
  ambiguous_number: {
    message: (field) =>
      `Values of ${field} such as 1,234 may be thousands or decimals. The events count; the values are kept in \`extra.invalid\`.`,
    setting: 'Set `decimal` to the decimal separator of the source.',
  },
  scale_assumed: {
    message: (field) =>
      `Values of ${field} are decimals in bytes without their schema. Two digits behind the point were assumed.`,
    setting:
      'Set `"decimal.handling.mode": "string"` in the connector, or send the schema with each message.',
  },
  replaced_character: {
    message: (field) =>
      `Texts of ${field} hold characters that no table can store. U+FFFD stands in their place.`,
    setting: 'Check the encoding of the source.',
  },
  many_currencies: {
    message: (_, list) => `More than 3 currencies: ${list}.`,
    setting: 'Amounts of different currencies are never added. Correct the codes if there should be fewer.',
  },
  base_currency: {
    message: (field) =>
      `${field} has a rate of exchange: the amounts may be in the currency of the shop, as OpenCart and osCommerce keep them, and not in \`currency\`.`,
    setting:
      'Set `currency: {value: EUR}` in a mapping to the currency that the amounts are in; leave the column out with `drop` if they are in `currency`.',
  },
  unexpected_currency: {
    message: (currency) => `Purchases or refunds are in ${currency}, which \`currencies\` does not list.`,
    setting: 'Add it to `currencies` in the config, or correct the codes.',
  },
  response_seconds: {
    message: () =>
      'Values of response_time are below 1: they were read as milliseconds and rounded, and may be seconds.',
    setting: 'Set the unit in a mapping: `response_time: {from: response_time, unit: s}`.',
  },
  old_time: {
    message: () => 'Events are more than 20 years old.',
    setting: 'Check the unit and the zone of the timestamps.',
  },
});

export type FindingCode = keyof typeof FINDINGS;
