import type { SourceRecord } from '../format.ts';
import type { MapOptions, Mapper } from '../mapper.ts';
import { isDecidingName } from '../names.ts';
import { collectEvents, type RecordResult, recordsOf } from './collect-events.ts';
import type { Mapping } from './compile.ts';
import { TooManyElementsError } from './path.ts';

/** A mapping as what a source gives its records to. */
export function mapperOf(mapping: Mapping): Mapper {
  const { name, id, settings, format, group, headerless, hasEach } = mapping;
  return {
    name,
    id,
    settings,
    detecting: {
      isKnownName: (given) => isDecidingName(given) || mapping.readsName(given),
      ...(format === undefined ? {} : { format }),
      ...(group === undefined ? {} : { group }),
      ...(headerless === undefined ? {} : { headerless }),
      // It takes the lists out of the record itself.
      ...(hasEach ? { wrapper: false } : {}),
    },
    map(input, { ids, beside } = {}) {
      const pieces = recordsOf(input);
      const results = pieces.flatMap((piece) =>
        'fields' in piece ? resultOf(mapping, piece.fields, besideOf(mapping, piece, beside)) : [],
      );
      return collectEvents(pieces, results, ids);
    },
  };
}

/** Beside a record of a table there are the rows that were put together to it. */
function besideOf(
  { group }: Mapping,
  { fields, rows = [fields] }: SourceRecord,
  beside: MapOptions['beside'],
) {
  return group === undefined ? beside : { ...beside, rows };
}

function resultOf(
  mapping: Mapping,
  fields: Readonly<Record<string, unknown>>,
  beside: MapOptions['beside'],
): RecordResult {
  try {
    return mapping.map(fields, beside);
  } catch (error) {
    // JSON in a text of the record may be nested without end: the stack was not enough for it.
    if (error instanceof RangeError) return { fault: error.message, isTooDeep: true };
    if (error instanceof TooManyElementsError) return { fault: 'a list of the record is too long' };
    throw error;
  }
}
