import { ComponentError } from '../telemetry/errors.ts';

/** A load did not work: `message` has what was stored. Shown without a stack trace. */
export class LoadError extends ComponentError {}
