/**
 * What may be doubtful in events: the closed list, from which messages and docs are made. A finding rejects nothing. It names what was
 * assumed or looks wrong, and the setting that settles it.
 */
interface FindingKind {
  /** One sentence for people. `subject`: a field, an event type or a value, where the finding is about one. */
  readonly message: (subject: string, detail: string) => string;
  /** What to do about it. */
  readonly setting: string;
}

const kinds = <K extends string>(list: Record<K, FindingKind>) => list;

export const FINDINGS = kinds({
  purchase_without_value: {
    message: () => 'Purchases or refunds have neither an amount nor a price. They count, but add no money.',
    setting: 'Send the order total as `amount`, or `price` and `quantity`.',
  },
  negative_purchase: {
    message: () => 'Purchases have a negative amount, which lowers the revenue.',
    setting: 'Send returns as events of type `refund`.',
  },
  mapping_fits: {
    message: (name) =>
      `Records have no timestamp or event type under a known name. ${name === '' ? '`tillstream map guess FILE` proposes a mapping for them.' : `\`--map ${name}\` reads them.`}`,
    setting:
      'Load the file again with that mapping; for a source, set it as `map`. If some of the records were events, load it with `--again`, too.',
  },
  unknown_event_type: {
    message: (type, nearest) =>
      `Only the traffic metric counts the event type ${type}.${nearest ? ` Did you mean ${nearest}?` : ''}`,
    setting: 'Use an event type from docs/events.md if one fits.',
  },
  near_name: {
    message: (field, nearest) =>
      `The field ${field} is not known, so it is kept in \`extra\`. Did you mean ${nearest}?`,
    setting: 'Rename the field.',
  },
  names_conflict: {
    message: (field) =>
      `Several spellings of the field ${field} have different values. The exact name is used.`,
    setting: 'Send only one of them.',
  },
  alias_chosen: {
    message: (field, list) =>
      `Several names of ${field} have different values in one record: ${list}. The first one was used; the other is kept in \`extra\`.`,
    setting: 'Choose the right one in a mapping, `fields: {...}`, or send it under its exact name.',
  },
  invalid_field: {
    message: (field) =>
      `Values of ${field} can't be read. The events count, and the values are kept in \`extra.invalid\`.`,
    setting: 'Correct the values. docs/events.md lists the accepted forms.',
  },
  cut_text: {
    message: (field) => `Texts of ${field} were longer than the limit and have been cut.`,
    setting: 'Send shorter texts.',
  },
  id_reused: {
    message: () =>
      'The same event_id appears with different content. Events are duplicates only if their event_id, event_type and timestamp are equal.',
    setting: 'Send a unique event_id, or none.',
  },
  order_id_reused: {
    message: () =>
      'The same order_id appears with timestamps more than 4 days apart. Events received within 30 days of each other belong to one order, in which equal purchases count once.',
    setting:
      'Send unique order_ids, for example with the year. Where there is no order_id, leave the field empty or add the placeholder to `null_words`.',
  },
  order_repeated: {
    message: () =>
      'Orders have several purchases with the same amount but different products, as in a join of orders and their lines. The amount counts each time.',
    setting:
      'Send one purchase per order with `items`, or send `price` and `quantity` of each line without `amount`.',
  },
  order_told_again: {
    message: () =>
      'Orders were reported more than once: as a whole with different amounts, or as a whole and line by line. All of these reports count.',
    setting:
      'Report orders from one system, or send the same amount from all systems, with tax or without. Leave the others out with `where` in their mapping.',
  },
  order_currencies: {
    message: () =>
      'Orders have purchases or refunds in more than one currency. If their amounts are equal, the first one counts, in its currency. Otherwise each one counts.',
    setting:
      'Send the currency of the order from all systems, or leave the others out with `where` in their mapping.',
  },
  order_cancelled: {
    message: () =>
      'Orders that were already counted are reported as cancelled, returned or deleted, but no refund was received for them. Their revenue stays.',
    setting: 'Send a `refund` with the order_id and the amount for each.',
  },
  cancelled_purchase: {
    message: (status) =>
      `Purchases with "${status}" count as sales, because no refund was received for them.`,
    setting: 'Leave them out with `where` in a mapping, or send a `refund` for each.',
  },
  status_missing: {
    message: (field) =>
      `Purchases have no ${field}, while others have one. They count, but may be orders that were never completed, as in OpenCart.`,
    setting:
      'If so, leave them out in a mapping, `where: {Status: {exists: true}}`. Otherwise `drop` the column in a mapping.',
  },
  refund_document: {
    message: (kind) => `Purchases with "${kind}" look like returns, but count as sales.`,
    setting:
      'Map the column to `event_type`, for example with `values: {Gutschrift: refund}`. `map guess FILE` proposes this for a table without event types.',
  },
  partly_refunded: {
    message: (status) =>
      `Purchases with "${status}" count in full, because no refund was received for the returned part.`,
    setting: 'Send a `refund` with the order_id and the amount for each.',
  },
  equal_lines: {
    message: () => 'Equal lines of an order have different event_ids. They count once.',
    setting:
      'If each is a line of its own, set `order_lines: distinct` for the source or in its mapping, or send one line with the quantity.',
  },
  equal_rows: {
    message: () =>
      'Purchases or refunds without event_id and order_id are equal to others of the same input, including the timestamp. Each one counts.',
    setting:
      'Map a column that is different in each row to `event_id`, or the order number to `order_id`; or remove repeated rows.',
  },
  line_changed: {
    message: () =>
      'Lines of an order were sent again with a different quantity, price or amount. All of them count.',
    setting: 'Send returned pieces as a `refund`. Send added pieces alone as a further `purchase`.',
  },
  order_spelled: {
    message: () => 'Orders appear both with and without "#" before their number, and count as two orders.',
    setting: 'Keep only the number, in a mapping: `order_id: {from: order_id, match: "[0-9]+"}`.',
  },
  equal_refunds: {
    message: () => 'Equal refunds of an order have different event_ids. They count once.',
    setting:
      'If each is a refund of its own and no other system reports it, send or map the id of each refund as `line_id`.',
  },
  returned_twice: {
    message: (word) =>
      `Refunds with the type "${word}" have another refund of the same order, or with the same amount. A return of goods and its credit note may both count.`,
    setting:
      'If they are one return, leave one of them out with `where` in a mapping, or give it a type of its own: `values: {Retoure: goods_returned}`.',
  },
  refund_column: {
    message: (field) =>
      `${field} holds refunded amounts. They are kept in \`extra\` and do not count as refunds.`,
    setting: 'Send each refund as a separate event of type `refund`.',
  },
  adjusted_total: {
    message: (field) =>
      `${field} differs from the amount, as it does after a refund or a discount. The amount counts; the other value is kept in \`extra\`.`,
    setting: 'Send refunded money as a `refund`, or map the right column to `amount`.',
  },
  total_and_lines: {
    message: () =>
      'The amount differs from the cost of the lines (`price` times `quantity`, or `items`, with tax, shipping and discount). The amount counts.',
    setting:
      'If the lines are right, leave out `amount`. Otherwise send what is missing, such as `discount`.',
  },
  total_of_order: {
    message: (field) =>
      `${field} differs from \`price\` times \`quantity\`, so it was read as the total of the order and kept in \`extra\`. \`price\` times \`quantity\` counts.`,
    setting: 'If it is the amount of the line, send it as `amount`.',
  },
  price_of_line: {
    message: () =>
      'The price of a product rises with the quantity, so it may be what the whole line cost. `price` times `quantity` counts.',
    setting:
      'If so, map the column to `amount` instead of `price`. For lines in `items`, send the total of the order as `amount`.',
  },
  total_row: {
    message: (field, word) =>
      `Purchases with ${word} as ${field} look like totals of other rows, but count as sales.`,
    setting: 'Leave such rows out with `where` in a mapping.',
  },
  rows_loaded_before: {
    message: () =>
      'Rows of the files are equal to rows of other files, and have no event_id or order_id to identify them. They count again.',
    setting: 'Load exports that do not overlap, or map a column that is different in each row to `event_id`.',
  },
  lines_without_total: {
    message: (field) =>
      `Orders have no total, so their amounts were added up from their lines. ${field} is not included.`,
    setting: 'Send the total of the order as `amount`.',
  },
  units_assumed: {
    message: () =>
      'The records do not state how many pieces were bought. `units` counts one piece per order.',
    setting: 'Use a source that has the lines of the orders, or ignore `units`.',
  },
  pieces_column: {
    message: (field) =>
      `${field} may be the number of pieces. It is kept in \`extra\`, and \`units\` counts one piece per order.`,
    setting: 'If it is, map it to `quantity`.',
  },
  numbered_lines: {
    message: () =>
      'Numbered columns, such as product_1 and product_2, hold the lines of an order side by side. They are kept in `extra`: `products` does not include them, and `units` counts one piece per order.',
    setting:
      'Export one row per line of an order, or build `items` from the columns in a TypeScript mapping.',
  },
  extra_line: {
    message: (word, field) =>
      `Purchases with ${word} as ${field} look like shipping or a discount. Their money counts, and they also count in \`products\` and \`units\`.`,
    setting:
      'If the order has a total, leave such rows out with `where` in a mapping (of `items` for lines in a list). Otherwise keep them, and ignore `products` and `units`.',
  },
  zero_quantity: {
    message: () => 'Purchases have a price but a quantity of 0. They count as orders without revenue.',
    setting: 'Send the number of pieces. Leave the field out for one piece, or leave such rows out.',
  },
  minor_units: {
    message: (currency) =>
      `All amounts are whole numbers. They were read as ${currency}, but may be in its smaller unit, as Square, Stripe, Klarna and Adyen send them.`,
    setting:
      'Set `minor_units` for the source, or for the field in a mapping: true if 1999 means 19.99, false to confirm.',
  },
  one_user: {
    message: (field, share) => `${share} of the events have the same ${field}.`,
    setting: 'Leave the field empty for guests, or add the value to `null_words`.',
  },
  mostly_bots: {
    message: () =>
      'More than half of the events have the user agent of a bot. They are archived, but left out of the metrics.',
    setting: 'If they come from customers, set `mark_bots: false` for the source or in the mapping.',
  },
  bot_sales: {
    message: (agent) =>
      `Purchases or refunds have the user agent of a bot, "${agent}". They are archived, but left out of the metrics.`,
    setting:
      'If one of your own programs sends them, set `mark_bots: false` for the source or in the mapping.',
  },
  test_marked: {
    message: (mark) =>
      `Events with "${mark}" are treated as tests. They are archived, but left out of the metrics.`,
    setting:
      'If they are not tests, send `test: false` with them, or set `test: {value: false}` in a mapping.',
  },
  test_likely: {
    message: (mark) => `Purchases or refunds with "${mark}" may be tests, but count.`,
    setting:
      'If they are tests, send `test: true` with them, or leave them out with `where` in a mapping. Otherwise send `test: false` to confirm.',
  },
  only_tests: {
    message: () =>
      'All purchases and refunds are marked as tests. They are archived, but left out of the metrics.',
    setting: 'If they come from customers, remove `test` from the mapping or from the events.',
  },
  day_month: {
    message: () => 'Dates were read month first, but no day is above 12. Day and month may be swapped.',
    setting: 'Set --date-order (date_order) to dmy if the day comes first, or to mdy to confirm.',
  },
  zone_assumed: {
    message: (zone) => `Times without a time zone were read as times in ${zone}.`,
    setting: 'Set --time-zone (time_zone) to the zone of the source.',
  },
  zone_column: {
    message: (field, zone) =>
      `${field} looks like the time zone of the timestamps, such as ${zone}, but they were read in another time zone. It is kept in \`extra\`.`,
    setting:
      'Join the two columns in a mapping, `timestamp: {join: [timestamp, TimeZone]}`. If the column means something else, set --time-zone (time_zone).',
  },
  currency_unknown: {
    message: () =>
      'Purchases or refunds have no readable currency. Their money counts under the currency "unknown".',
    setting: 'Send an ISO 4217 code such as EUR, or set --currency (currency).',
  },
  ambiguous_number: {
    message: (field) =>
      `Values of ${field} such as 1,234 may be thousands or decimals. The events count, and the values are kept in \`extra.invalid\`.`,
    setting: 'Set `decimal` to the decimal separator of the source.',
  },
  scale_assumed: {
    message: (field) =>
      `Values of ${field} are binary decimals without their schema. Two decimal places were assumed.`,
    setting:
      'Set `"decimal.handling.mode": "string"` in the connector, or send the schema with each message.',
  },
  replaced_character: {
    message: (field) =>
      `Texts of ${field} hold characters that no table can store. They were replaced with U+FFFD.`,
    setting: 'Check the encoding of the source.',
  },
  many_currencies: {
    message: (_, list) => `The events have more than 3 currencies: ${list}.`,
    setting:
      'Amounts in different currencies are never added up. Correct the codes if there should be fewer.',
  },
  base_currency: {
    message: (field) =>
      `${field} is an exchange rate other than 1. The amounts may be in the base currency of the shop, as in OpenCart and osCommerce, and not in the currency of the order.`,
    setting:
      'In a mapping, set `currency: {value: EUR}` to the currency of the amounts and `drop` the column; or only `drop` it if they are in the currency of the order.',
  },
  unexpected_currency: {
    message: (currency) => `Purchases or refunds are in ${currency}, which \`currencies\` does not list.`,
    setting: 'Add it to `currencies` in the config, or correct the codes.',
  },
  response_seconds: {
    message: () =>
      'Values of response_time are below 1. They were read as milliseconds and rounded, but may be seconds.',
    setting: 'Set the unit in a mapping: `response_time: {from: response_time, unit: s}`.',
  },
  old_time: {
    message: () => 'Events are more than 20 years old.',
    setting: 'Check the unit and the time zone of the timestamps.',
  },
});

export type FindingCode = keyof typeof FINDINGS;
