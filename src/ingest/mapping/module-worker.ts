/** Runs a mapping module of the user's, apart from the process: it may loop for ever, or throw. */
import { stderr, stdout } from 'node:process';
import { parentPort, workerData } from 'node:worker_threads';
import type { MapFunction, WorkerAnswer, WorkerRequest } from './module-types.ts';

const { url } = workerData as { url: string };

function answerOf(map: MapFunction, { records, context }: WorkerRequest): WorkerAnswer {
  return records.map((record) => {
    try {
      const made: unknown = map(record, context);
      if (made instanceof Promise)
        return {
          fault: 'it returned a promise; a mapping must return its result directly, without async and await',
        };
      const events = made === null || made === undefined ? [] : Array.isArray(made) ? made : [made];
      const wrong = events.find(
        (event) => typeof event !== 'object' || event === null || Array.isArray(event),
      );
      if (wrong !== undefined)
        return { fault: `it returned ${JSON.stringify(wrong)}, which is not an object` };
      // What can't be sent, such as a function, can't be stored either.
      return { events: structuredClone(events) };
    } catch (error) {
      return { fault: error instanceof Error ? error.message : String(error) };
    }
  });
}

// A command's stdout is its answer; what a module prints is not part of it.
stdout.write = stderr.write.bind(stderr);

const module = await import(url);
if (typeof module.default !== 'function') throw new Error('its default export is not a function');
parentPort!.postMessage({ settings: structuredClone(module.settings ?? {}) });
parentPort!.on('message', (request: WorkerRequest) => {
  parentPort!.postMessage(answerOf(module.default, request));
});
