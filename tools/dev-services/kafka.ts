import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ServiceError } from './failure.ts';
import { fetchJars } from './maven.ts';
import type { ProcessSpec } from './processes.ts';
import { findJava, lastLines, run } from './programs.ts';
import type { Server, ServerSetup, Setup } from './server.ts';
import { KAFKA, KAFKA_SCALA, LOG4J_SLF4J } from './versions.ts';

const TITLE = `Kafka ${KAFKA}`;
const ARTIFACTS = [
  `org.apache.kafka:kafka_${KAFKA_SCALA}:${KAFKA}`,
  `org.apache.logging.log4j:log4j-slf4j-impl:${LOG4J_SLF4J}`,
];
/** Memory of a broker: less for each where there are several. */
const HEAP = { one: '512m', several: '384m' };
const READY_LINE = 'Kafka Server started';

const LOG4J = `status = warn
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %p %m (%c{1})%n
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
`;

/** Brokers in KRaft mode, each its own controller as well. With three: replication factor 3, min.insync.replicas 2. */
export const kafka: Server<'kafka'> = {
  title: TITLE,
  readyMsMax: 120_000,
  portNames: (size) => numbers(size).flatMap((node) => [`broker-${node}`, `controller-${node}`]),
  newSecrets: () => ({}),
  fetchedBy: 'maven',
  fetch: async (say) => ({
    java: await findJava(TITLE),
    jars: join(await fetchJars('kafka', TITLE, ARTIFACTS, say), '*'),
  }),

  async prepare(setup, { java, jars }) {
    await writeFile(join(setup.dir, 'log4j2.properties'), LOG4J);
    const clusterId = await clusterIdOf(setup.dir);
    for (const node of numbers(setup.size)) {
      const dir = nodeDir(setup, node);
      const config = join(dir, 'server.properties');
      await mkdir(dir, { recursive: true });
      await writeFile(config, properties(setup, node));
      if (existsSync(join(dir, 'data', 'meta.properties'))) continue;
      const tool = ['kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', config];
      const { code, output } = await run(java!, ['-Xmx128m', '-cp', jars!, ...tool], { cwd: dir });
      if (code !== 0)
        throw new ServiceError(`The folder of ${TITLE} could not be formatted:\n${lastLines(output, 12)}`);
    }
  },

  processes(setup, { java, jars }): ProcessSpec[] {
    const heap = setup.size === 1 ? HEAP.one : HEAP.several;
    return numbers(setup.size).map((node) => ({
      name: `broker-${node}`,
      command: java!,
      args: [
        `-Xms${heap}`,
        `-Xmx${heap}`,
        '-XX:+ExitOnOutOfMemoryError',
        `-Dlog4j2.configurationFile=${join(setup.dir, 'log4j2.properties')}`,
        '-cp',
        jars!,
        'kafka.Kafka',
        join(nodeDir(setup, node), 'server.properties'),
      ],
      cwd: nodeDir(setup, node),
      log: logOf(setup, node),
      ports: [brokerPort(setup, node), controllerPort(setup, node)],
    }));
  },

  async look(setup) {
    for (const node of numbers(setup.size)) {
      if (!(await readFile(logOf(setup, node), 'utf8')).includes(READY_LINE)) return `broker ${node}`;
    }
    return null;
  },

  address: (setup) => brokers(setup).join(','),
  connection: (setup) => ({ brokers: brokers(setup) }),
};

const numbers = (size: number) => Array.from({ length: size }, (_, index) => index + 1);
const brokerPort = ({ ports }: Setup, node: number) => ports[`broker-${node}`]!;
const controllerPort = ({ ports }: Setup, node: number) => ports[`controller-${node}`]!;
const brokers = (setup: Setup) => numbers(setup.size).map((node) => `127.0.0.1:${brokerPort(setup, node)}`);
const nodeDir = ({ dir }: ServerSetup, node: number) => join(dir, `broker-${node}`);
const logOf = ({ dir }: ServerSetup, node: number) => join(dir, `broker-${node}.log`);

function properties(setup: ServerSetup, node: number): string {
  const replicas = Math.min(setup.size, 3);
  const inSync = Math.max(1, replicas - 1);
  const voters = numbers(setup.size).map((voter) => `${voter}@127.0.0.1:${controllerPort(setup, voter)}`);
  const listeners =
    `PLAINTEXT://127.0.0.1:${brokerPort(setup, node)},` +
    `CONTROLLER://127.0.0.1:${controllerPort(setup, node)}`;
  return `process.roles=broker,controller
node.id=${node}
controller.quorum.voters=${voters.join(',')}
listeners=${listeners}
advertised.listeners=${listeners}
controller.listener.names=CONTROLLER
log.dirs=${join(nodeDir(setup, node), 'data')}
default.replication.factor=${replicas}
min.insync.replicas=${inSync}
offsets.topic.replication.factor=${replicas}
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=${replicas}
transaction.state.log.min.isr=${inSync}
transaction.state.log.num.partitions=8
share.coordinator.state.topic.replication.factor=${replicas}
share.coordinator.state.topic.min.isr=${inSync}
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
log.cleaner.dedupe.buffer.size=16777216
`;
}

/** The same for all brokers and all starts: 16 bytes as base64url. */
async function clusterIdOf(dir: string): Promise<string> {
  const file = join(dir, 'cluster-id');
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch {
    // One that began with "-" would be taken for an option.
    const id = `k${randomBytes(16).toString('base64url').slice(1)}`;
    await writeFile(file, `${id}\n`);
    return id;
  }
}
