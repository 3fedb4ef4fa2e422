export { type TailOptions, tailOptionsSchema } from './config.ts';
export { createTailSource } from './tail-source.ts';
