/** docs/spark-and-yarn.md typed from its top: HDFS, YARN, and Spark twice. It takes minutes. */
import { it } from 'node:test';
import { docsSparkPython } from '../../support/docs-python.ts';
import { DocsReader } from '../../support/docs-reader.ts';
import { TYPED } from './typed.ts';

/** YARN, its containers and two drivers: on a busy machine each start takes minutes. */
const TIMEOUT_MS = 1_200_000;

for (const page of TYPED.cluster)
  it(`${page} can be typed from the top`, { timeout: TIMEOUT_MS }, async () =>
    new DocsReader(await docsSparkPython()).type(page),
  );
