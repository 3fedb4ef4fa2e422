export { SIMULATED_CURRENCIES } from './catalogue.ts';
export { oldDataset } from './dataset.ts';
export { demoLive, demoPast } from './demo.ts';
export { RATE_DEFAULT, runSimulator, type SimulatorOptions, SimulatorUsageError } from './run.ts';
export { startBefore } from './shop.ts';
export { type SimulatedLine, stream } from './stream.ts';
export { Truth, type TruthWindow } from './truth.ts';
