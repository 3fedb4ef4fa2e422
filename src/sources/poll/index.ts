export { type PollOptions, pollOptionsSchema } from './config.ts';
export { createPollSource } from './poll-source.ts';
