import { createHash } from 'node:crypto';
import { mkdir, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fetchOnce, type Say } from './cache.ts';
import { ServiceError } from './failure.ts';
import { findProgram, lastLines, run } from './programs.ts';
import { MAVEN_DEPENDENCY_PLUGIN } from './versions.ts';

const PLUGIN = `org.apache.maven.plugins:maven-dependency-plugin:${MAVEN_DEPENDENCY_PLUGIN}`;

/** A folder of the cache with the jars of `artifacts` ("group:artifact:version") and all that they need to run. */
export function fetchJars(
  name: string,
  title: string,
  artifacts: readonly string[],
  say: Say,
): Promise<string> {
  const pom = pomOf(name, artifacts);
  const sum = createHash('sha256').update(pom).digest('hex').slice(0, 12);
  return fetchOnce(`${name}-${sum}`, title, say, async (scratch) => {
    const mvn = findProgram('mvn');
    if (!mvn) {
      throw new ServiceError(
        `${title} is fetched with Maven, and there is no mvn in PATH. ` +
          'Install it (Debian: apt-get install maven), then start again.',
      );
    }
    const work = join(scratch, 'work');
    const lib = join(work, 'lib');
    await mkdir(work);
    await writeFile(join(work, 'pom.xml'), pom);
    // -C: a jar that is not what its checksum says fails the fetch.
    const options = ['-B', '-ntp', '-C', '-Dstyle.color=never'];
    const goal = [`${PLUGIN}:copy-dependencies`, '-DincludeScope=runtime', `-DoutputDirectory=${lib}`];
    const { code, output } = await run(mvn, [...options, ...goal], { cwd: work });
    if (code !== 0) {
      throw new ServiceError(
        `${title} could not be fetched: Maven failed. Check the network and the mirrors in ~/.m2/settings.xml, ` +
          `then start again. Maven said:\n${lastLines(errorsOf(output), 12)}`,
      );
    }
    for (const jar of await readdir(lib)) await rename(join(lib, jar), join(scratch, jar));
    await rmdir(lib);
    await rm(work, { recursive: true });
  });
}

/** Maven's own errors, or everything where it did not come so far. */
function errorsOf(output: string): string {
  const errors = output.split('\n').filter((line) => /^\[(ERROR|FATAL)\] ./.test(line));
  return errors.length > 0 ? errors.slice(0, 4).join('\n') : output;
}

function pomOf(name: string, artifacts: readonly string[]): string {
  const dependencies = artifacts.map((artifact) => {
    const [group, id, version] = artifact.split(':');
    return `    <dependency><groupId>${group}</groupId><artifactId>${id}</artifactId><version>${version}</version></dependency>`;
  });
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>tillstream</groupId>
  <artifactId>${name}</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
${dependencies.join('\n')}
  </dependencies>
</project>
`;
}
