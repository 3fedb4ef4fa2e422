/** docs/spark-and-yarn.md typed from its top: HDFS, YARN, and Spark twice. It takes minutes. */
import { it } from 'node:test';
import { docsSparkPython } from '../../support/docs-python.ts';
import { DocsReader } from '../../support/docs-reader.ts';
import { TYPED } from './typed.ts';

for (const page of TYPED.cluster)
  it(`${page} can be typed from the top`, async () => new DocsReader(await docsSparkPython()).type(page));
