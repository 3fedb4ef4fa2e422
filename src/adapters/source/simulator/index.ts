export { oldDataset } from './dataset.ts';
export { CLEAN_RATES, DEFAULT_RATES, type Rates, type SimulatedLine, type StreamOptions, stream } from './stream.ts';
export { Truth, type TruthReport, type TruthWindow } from './truth.ts';
