import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ServiceError } from './failure.ts';
import { xml } from './hadoop-xml.ts';
import { fetchJars } from './maven.ts';
import type { ProcessSpec } from './processes.ts';
import { findJava, javaHome } from './programs.ts';
import type { Server, ServerSetup, Setup } from './server.ts';
import { fetchPySpark } from './spark.ts';
import { readState } from './state.ts';
import { HADOOP, JACKSON } from './versions.ts';

const TITLE = `YARN ${HADOOP}`;
const ARTIFACTS = [
  ...[
    'hadoop-common',
    'hadoop-hdfs-client',
    'hadoop-yarn-server-resourcemanager',
    'hadoop-yarn-server-nodemanager',
    // Without its classes the ResourceManager ends at once.
    'hadoop-yarn-server-timelineservice',
  ].map((artifact) => `org.apache.hadoop:${artifact}:${HADOOP}`),
  // Two of them bring versions that don't fit together.
  `com.fasterxml.jackson.core:jackson-core:${JACKSON}`,
];
const MAIN = {
  resourcemanager: 'org.apache.hadoop.yarn.server.resourcemanager.ResourceManager',
  nodemanager: 'org.apache.hadoop.yarn.server.nodemanager.NodeManager',
};
const LOOK_MS_MAX = 5000;
/** What the NodeManager gives to containers. */
const MEMORY_MB = 4096;
const CORES = 4;

const SCHEDULER = {
  'yarn.scheduler.capacity.root.queues': 'default',
  'yarn.scheduler.capacity.root.default.capacity': '100',
  'yarn.scheduler.capacity.maximum-am-resource-percent': '0.5',
};

const LOG4J = `log4j.rootLogger=INFO,console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d{ISO8601} %p %c{1}: %m%n
`;

/** A ResourceManager and a NodeManager, which work on the HDFS of the same data folder. */
export const yarn: Server<'yarn'> = {
  title: TITLE,
  readyMsMax: 180_000,
  portNames: () => [
    'resourcemanager-client',
    'resourcemanager-scheduler',
    'resourcemanager-tracker',
    'resourcemanager-admin',
    'resourcemanager-http',
    'nodemanager',
    'nodemanager-localizer',
    'nodemanager-http',
    'nodemanager-collector',
  ],
  newSecrets: () => ({}),
  /** Spark as well, which is what runs on it. */
  fetchedBy: 'maven',
  async fetch(say) {
    const java = await findJava(TITLE);
    const jars = join(await fetchJars('yarn', TITLE, ARTIFACTS, say), '*');
    const { python, home } = await fetchPySpark(say);
    return { java, jars, python, home };
  },

  async prepare(setup) {
    const conf = confDir(setup);
    for (const folder of [conf, join(setup.dir, 'tmp')]) await mkdir(folder, { recursive: true });
    const file = (name: string, text: string) => writeFile(join(conf, name), text);
    await file('log4j.properties', LOG4J);
    await file(
      'core-site.xml',
      xml({ 'fs.defaultFS': fileSystem(setup), 'hadoop.tmp.dir': join(setup.dir, 'tmp') }),
    );
    await file('yarn-site.xml', xml(yarnSite(setup)));
    await file('capacity-scheduler.xml', xml(SCHEDULER));
  },

  processes(setup, { java, jars }): ProcessSpec[] {
    return Object.entries(MAIN).map(([name, mainClass]) => ({
      name,
      command: java!,
      args: [
        '-Xmx256m',
        '-Djava.net.preferIPv4Stack=true',
        `-Djava.io.tmpdir=${join(setup.dir, 'tmp')}`,
        '-cp',
        `${confDir(setup)}:${jars}`,
        mainClass,
      ],
      env: { HADOOP_CONF_DIR: confDir(setup), ...javaHome(java!) },
      cwd: setup.dir,
      log: join(setup.dir, `${name}.log`),
      ports: Object.entries(setup.ports)
        .filter(([port]) => port.startsWith(name) && port !== 'nodemanager-collector')
        .map(([, port]) => port),
    }));
  },

  async look(setup) {
    const answer = await fetch(`${url(setup)}/ws/v1/cluster/nodes`, {
      signal: AbortSignal.timeout(LOOK_MS_MAX),
    });
    const { nodes } = (await answer.json()) as { nodes: { node: { state: string }[] } | null };
    return nodes?.node.some(({ state }) => state === 'RUNNING') ? null : 'the NodeManager to register';
  },

  address: url,
  connection: (setup, dir) => ({
    master: 'yarn',
    python: setup.programs?.python ?? '',
    hadoop_conf_dir: confDir({ dir }),
    executor_memory: '512m',
    executor_cores: 2,
    conf: {
      // All of it is on this machine, whose name may lead elsewhere.
      'spark.driver.host': '127.0.0.1',
      'spark.driver.bindAddress': '127.0.0.1',
      'spark.executorEnv.SPARK_LOCAL_IP': '127.0.0.1',
      'spark.yarn.appMasterEnv.SPARK_LOCAL_IP': '127.0.0.1',
      // Without this 300 MB are uploaded at each start.
      'spark.yarn.jars': `local:${setup.programs?.home ?? ''}/jars/*`,
      'spark.yarn.am.memory': '256m',
      'spark.yarn.am.memoryOverhead': '256m',
      'spark.executor.instances': '1',
    },
  }),
};

const confDir = ({ dir }: Pick<ServerSetup, 'dir'>) => join(dir, 'conf');

function url({ ports }: Setup): string {
  return `http://127.0.0.1:${ports['resourcemanager-http']}`;
}

/** The HDFS of the same data folder. */
function fileSystem({ dir }: ServerSetup): string {
  const port = readState(dirname(dirname(dir))).hdfs?.ports['namenode-rpc'];
  if (port === undefined)
    throw new ServiceError(
      `${TITLE} works on HDFS, which is not set up here. Start both with "services up hdfs,yarn".`,
    );
  return `hdfs://127.0.0.1:${port}`;
}

function yarnSite({ dir, ports }: ServerSetup): Record<string, string> {
  const at = (port: string) => `127.0.0.1:${ports[port]}`;
  return {
    'yarn.resourcemanager.hostname': '127.0.0.1',
    'yarn.resourcemanager.address': at('resourcemanager-client'),
    'yarn.resourcemanager.scheduler.address': at('resourcemanager-scheduler'),
    'yarn.resourcemanager.resource-tracker.address': at('resourcemanager-tracker'),
    'yarn.resourcemanager.admin.address': at('resourcemanager-admin'),
    'yarn.resourcemanager.webapp.address': at('resourcemanager-http'),
    'yarn.resourcemanager.connect.retry-interval.ms': '500',
    'yarn.resourcemanager.recovery.enabled': 'true',
    'yarn.resourcemanager.store.class':
      'org.apache.hadoop.yarn.server.resourcemanager.recovery.FileSystemRMStateStore',
    'yarn.resourcemanager.fs.state-store.uri': `file://${join(dir, 'state')}`,
    'yarn.resourcemanager.scheduler.class':
      'org.apache.hadoop.yarn.server.resourcemanager.scheduler.capacity.CapacityScheduler',
    'yarn.scheduler.minimum-allocation-mb': '128',
    'yarn.nm.liveness-monitor.expiry-interval-ms': '60000',
    'yarn.am.liveness-monitor.expiry-interval-ms': '60000',
    'yarn.nodemanager.hostname': '127.0.0.1',
    'yarn.nodemanager.address': at('nodemanager'),
    'yarn.nodemanager.localizer.address': at('nodemanager-localizer'),
    'yarn.nodemanager.webapp.address': at('nodemanager-http'),
    'yarn.nodemanager.collector-service.address': at('nodemanager-collector'),
    'yarn.nodemanager.resource.memory-mb': String(MEMORY_MB),
    'yarn.nodemanager.resource.cpu-vcores': String(CORES),
    // With true YARN would leave memory to the kernel, and not look itself.
    'yarn.nodemanager.resource.memory.enforced': 'false',
    'yarn.nodemanager.vmem-check-enabled': 'false',
    'yarn.nodemanager.disk-health-checker.max-disk-utilization-per-disk-percentage': '99',
    'yarn.nodemanager.recovery.enabled': 'true',
    // An orderly stop ends what runs in it, and nobody else would.
    'yarn.nodemanager.recovery.supervised': 'false',
    'yarn.nodemanager.recovery.dir': join(dir, 'nodemanager-state'),
    'yarn.nodemanager.local-dirs': join(dir, 'local'),
    'yarn.nodemanager.log-dirs': join(dir, 'containers'),
    'yarn.nodemanager.env-whitelist': 'JAVA_HOME,HADOOP_CONF_DIR',
  };
}
