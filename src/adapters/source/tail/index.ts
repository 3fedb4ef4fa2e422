export { tailOptionsSchema } from './config.ts';
export { createTailSource } from './tail-source.ts';
