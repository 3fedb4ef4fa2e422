export { oldDataset } from './dataset.ts';
export { createLogApi, type LogApi, type LogApiOptions } from './log-api.ts';
export { runSimulator, type SimulatorOptions, type SimulatorReport, SimulatorUsageError } from './run.ts';
export {
  CLEAN_RATES,
  DEFAULT_RATES,
  type Rates,
  type SimulatedLine,
  type StreamOptions,
  stream,
} from './stream.ts';
export { Truth, type TruthReport, type TruthWindow } from './truth.ts';
