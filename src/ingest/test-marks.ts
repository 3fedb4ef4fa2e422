import { foldName } from './names.ts';
import { isYes, isYesOrNo, statusKind } from './order-status.ts';
import { unaccented } from './unaccented.ts';

/** Columns that say of orders that they are tests, beside the field `test`: in English, German, French and Spanish. */

const LIVE = /^(?:is)?(?:livemode|islive|productionmode|isproduction)$/;
const TEST =
  /^(?:is)?(?:test(?:mode|modus|order|bestellung|transaction|payment|purchase)|sandbox(?:mode)?|commande(?:de)?test|modetest|pedidodeprueba|mododeprueba|modoprueba)$/;
/** The same of a member of an order or a payment. */
const TEST_OF = /^(?:is)?test$/;
const MODE =
  /^(?:payment|order|transaction|api|shop|store|account|gateway|app|deployment)?(?:mode|modus|modo|environment|env|umgebung|environnement|entorno)$/;
const MODE_OF_TEST = /^(?:tests?|testing|test ?(?:mode|modus)|sandbox|pruebas?|essais?)$/;
/** What a shop may be called that is tried out, or that sells. */
const MODE_OF_TRIAL =
  /^(?:staging|stage|dev|development|entwicklung|developpement|desarrollo|demo|local|localhost|qa|uat|preview|pre-?prod(?:uction)?)$/;
const GATEWAY =
  /^(?:payment)?gateways?(?:names?)?$|^payment(?:methods?|provider|service|type)(?:title|name)?$|^zahlungs(?:art|methode|weise|anbieter)$|^m(?:oyen|ode)depaiement$|^metododepago$|^formadepago$/;
/** The gateway of Shopify's test orders. */
const BOGUS = /\bbogus\b/;
const LIKE_TEST =
  /^(?:test|dummy|fake|mock|sandbox)(?:[ _-]?(?:gateway|payments?|card|zahlung|method|provider))?$/;

type MarkKind = 'live' | 'test' | 'mode' | 'gateway' | null;
const REMEMBERED_MAX = 5000;
const kinds = new Map<string, MarkKind>();

/** What a column of this name says of tests; null: nothing. */
export function testKind(name: string): MarkKind {
  let kind = kinds.get(name);
  if (kind === undefined) {
    kind = kindOf(foldName(unaccented(name)));
    if (kinds.size < REMEMBERED_MAX) kinds.set(name, kind);
  }
  return kind;
}

function kindOf(folded: string): MarkKind {
  if (LIVE.test(folded)) return 'live';
  if (TEST.test(folded)) return 'test';
  if (MODE.test(folded)) return 'mode';
  return GATEWAY.test(folded) ? 'gateway' : null;
}

/** What a record says of itself: it is a test, or looks like one; `text` for people. */
export interface TestMark {
  readonly mark: 'test_marked' | 'test_likely';
  readonly text: string;
}

/** What a column with this name and value says of its record; null: nothing of tests. */
export function testMarkOf(name: string, value: unknown): TestMark | null {
  if (statusKind(name) === 'holder' && typeof value === 'object' && value !== null && !Array.isArray(value)) {
    for (const [member, each] of Object.entries(value)) {
      const isTest = TEST_OF.test(foldName(member)) && isYesText(each);
      const found = isTest ? marked(member, each) : markOf(member, each);
      if (found !== null) return { ...found, text: `${name}.${found.text}` };
    }
    return null;
  }
  return markOf(name, value);
}

function markOf(name: string, value: unknown): TestMark | null {
  const kind = testKind(name);
  if (kind === null || value === null || value === undefined) return null;
  const word = unaccented(Array.isArray(value) ? value.join(', ') : String(value));
  if (kind === 'live') return isYesOrNo(word) && !isYes(word) ? marked(name, value) : null;
  if (kind === 'test') return isYesText(value) ? marked(name, value) : null;
  if (kind === 'mode' ? MODE_OF_TEST.test(word) : BOGUS.test(word)) return marked(name, value);
  const isLikely = kind === 'mode' ? MODE_OF_TRIAL.test(word) : LIKE_TEST.test(word);
  return isLikely ? { mark: 'test_likely', text: `${name}: ${word}` } : null;
}

const isYesText = (value: unknown) => isYesOrNo(String(value)) && isYes(String(value));
const marked = (name: string, value: unknown): TestMark => ({
  mark: 'test_marked',
  text: `${name}: ${String(value).trim()}`,
});
