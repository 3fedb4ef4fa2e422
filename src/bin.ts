#!/usr/bin/env node
/** The command that npm installs. */
import { writeSync } from 'node:fs';

const NODE_MIN = 24;

if (Number.parseInt(process.versions.node, 10) < NODE_MIN) {
  // Nothing else of ours is loaded: an older Node fails in what it does not understand.
  writeSync(
    2,
    `Tillstream needs Node ${NODE_MIN} or newer, and this is Node ${process.versions.node}. Install a newer one: https://nodejs.org\n`,
  );
  process.exitCode = 1;
} else {
  const { launch } = await import('./launch.ts');
  launch(process.argv.slice(2));
}
