import { isDocumentName, isRefundDocument } from '../document-words.ts';
import { isCancelledName, isWithdrawn } from '../order-status.ts';
import { createGetter, lastName, parsePath, type Roots } from './path.ts';
import { compilePattern } from './pattern.ts';
import type { Condition, Conditions } from './schema.ts';

/** Whether all of the conditions hold. Values are compared as texts. */
export function compileConditions(conditions: Conditions): (roots: Roots) => boolean {
  const checks = Object.entries(conditions).map(([path, condition]) => {
    const get = createGetter(parsePath(path));
    const holds = compileCondition(condition);
    return (roots: Roots) => holds(textOf(get(roots)));
  });
  return (roots) => checks.every((check) => check(roots));
}

/** Whether one of several sets of conditions holds. */
export function compileAlternatives(alternatives: readonly Conditions[]): (roots: Roots) => boolean {
  const checks = alternatives.map(compileConditions);
  return checks.length === 1 ? checks[0]! : (roots) => checks.some((check) => check(roots));
}

/** Whether one of the conditions does not hold for a value that says that an order was cancelled or given back. */
export function compileWithdrawn(conditions: Conditions): (roots: Roots) => boolean {
  const checks = Object.entries(conditions).map(([text, condition]) => {
    const path = parsePath(text);
    const [get, holds] = [createGetter(path), compileCondition(condition)];
    const isDate = condition.exists === false && isCancelledName(lastName(path));
    const isOfDocuments = isDocumentName(lastName(path));
    return (roots: Roots) => {
      const value = textOf(get(roots));
      if (value === null || holds(value)) return false;
      return isDate || isWithdrawn(value) || (isOfDocuments && isRefundDocument(value));
    };
  });
  return (roots) => checks.some((check) => check(roots));
}

/** Values are shown so far. */
const SHOWN_MAX = 40;

/** Which of the conditions does not hold, in words; null where all hold. */
export function compileReason(conditions: Conditions): (roots: Roots) => string | null {
  const checks = Object.entries(conditions).map(([path, condition]) => {
    const get = createGetter(parsePath(path));
    const holds = compileCondition(condition);
    // The first of several places is the usual one.
    const name = `\`${path.split('||')[0]!.trim()}\``;
    return (roots: Roots) => {
      const value = textOf(get(roots));
      if (holds(value)) return null;
      if (value === null) return `${name} is missing`;
      if (condition.exists === false) return `${name} has a value`;
      const shown = value.length > SHOWN_MAX ? `${value.slice(0, SHOWN_MAX)}…` : value;
      return condition.match === undefined || condition.not !== undefined
        ? `${name} is ${shown}`
        : `${name} does not match`;
    };
  });
  return (roots) => checks.reduce<string | null>((found, check) => found ?? check(roots), null);
}

function compileCondition({ in: wanted, match, exists, not }: Condition): (text: string | null) => boolean {
  const isWanted = wanted && oneOf(wanted);
  const isUnwanted = not && oneOf(not);
  const pattern = match === undefined ? undefined : compilePattern(match);
  return (text) => {
    if (exists !== undefined && (text !== null) !== exists) return false;
    if (isWanted !== undefined && !isWanted(text)) return false;
    if (isUnwanted?.(text)) return false;
    return pattern === undefined || (text !== null && pattern(text) !== null);
  };
}

function oneOf(constants: readonly unknown[]): (text: string | null) => boolean {
  const texts = new Set(constants.map(String));
  return (text) => text !== null && texts.has(text);
}

/** A value as it is compared and searched; null where there is none. */
export function textOf(value: unknown): string | null {
  if (value === undefined || value === null || value === '') return null;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
