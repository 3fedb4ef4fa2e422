/** A process of ours that computes metrics on Spark until it is killed; tells what it has every 200 ms. */
import { sumCounts } from '../../src/domain/offset.ts';
import { openSparkRig, type RigOptions } from './spark-rig.ts';

const rig = await openSparkRig(JSON.parse(process.argv[2]!) as RigOptions);
setInterval(() => {
  const { counted } = rig.engine.ledger();
  console.log(JSON.stringify({ driver: rig.engine.driverPid ?? null, counted: sumCounts(counted) }));
}, 200);
