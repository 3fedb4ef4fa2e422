import type { MapOptions, Mapper } from '../mapper.ts';
import { isDecidingName } from '../names.ts';
import { collectEvents, type RecordResult, recordsOf } from './collect-events.ts';
import type { Mapping } from './compile.ts';
import { TooManyElementsError } from './path.ts';

/** A mapping as what a source gives its records to. */
export function mapperOf(mapping: Mapping): Mapper {
  const { name, id, settings, format, hasEach } = mapping;
  return {
    name,
    id,
    settings,
    detecting: {
      isKnownName: (given) => isDecidingName(given) || mapping.readsName(given),
      ...(format === undefined ? {} : { format }),
      // It takes the lists out of the record itself.
      ...(hasEach ? { wrapper: false } : {}),
    },
    map(input, { ids, beside } = {}) {
      const pieces = recordsOf(input);
      const results = pieces.flatMap((piece) =>
        'fields' in piece ? resultOf(mapping, piece.fields, beside) : [],
      );
      return collectEvents(pieces, results, ids);
    },
  };
}

function resultOf(
  mapping: Mapping,
  fields: Readonly<Record<string, unknown>>,
  beside: MapOptions['beside'],
): RecordResult {
  try {
    return mapping.map(fields, beside);
  } catch (error) {
    if (error instanceof TooManyElementsError) return { fault: 'a list of the record is too long' };
    throw error;
  }
}
