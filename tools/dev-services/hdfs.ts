import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ServiceError } from './failure.ts';
import { xml } from './hadoop-xml.ts';
import { fetchJars } from './maven.ts';
import type { ProcessSpec } from './processes.ts';
import { findJava, lastLines, run } from './programs.ts';
import type { Server, ServerSetup, Setup } from './server.ts';
import { HADOOP } from './versions.ts';

const TITLE = `HDFS ${HADOOP}`;
const ARTIFACTS = ['hadoop-common', 'hadoop-hdfs', 'hadoop-hdfs-client'].map(
  (artifact) => `org.apache.hadoop:${artifact}:${HADOOP}`,
);
const NAME_NODE = 'org.apache.hadoop.hdfs.server.namenode.NameNode';
const DATA_NODE = 'org.apache.hadoop.hdfs.server.datanode.DataNode';
const LOOK_MS_MAX = 5000;

const LOG4J = `log4j.rootLogger=INFO,console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d{ISO8601} %p %c{1}: %m%n
`;

/** A NameNode and a DataNode with WebHDFS, one replica, no permissions. */
export const hdfs: Server<'hdfs'> = {
  title: TITLE,
  readyMsMax: 120_000,
  portNames: () => ['namenode-rpc', 'namenode-http', 'datanode', 'datanode-ipc', 'datanode-http'],
  newSecrets: () => ({}),
  fetchedBy: 'maven',
  fetch: async (say) => ({
    java: await findJava(TITLE),
    jars: join(await fetchJars('hdfs', TITLE, ARTIFACTS, say), '*'),
  }),

  async prepare(setup, { java, jars }) {
    const conf = confDir(setup);
    // The jars hold no web pages, and both processes end where the class path has no folder for them.
    for (const page of ['hdfs', 'datanode']) await mkdir(join(conf, 'webapps', page), { recursive: true });
    await writeFile(join(conf, 'log4j.properties'), LOG4J);
    await writeFile(
      join(conf, 'core-site.xml'),
      xml({
        'fs.defaultFS': `hdfs://127.0.0.1:${setup.ports['namenode-rpc']}`,
        'hadoop.tmp.dir': join(setup.dir, 'tmp'),
      }),
    );
    await writeFile(join(conf, 'hdfs-site.xml'), xml(hdfsSite(setup)));
    if (existsSync(join(setup.dir, 'name', 'current', 'VERSION'))) return;
    const args = [...javaArgs(setup, jars!), NAME_NODE, '-format', '-force', '-nonInteractive'];
    const { code, output } = await run(java!, args, { cwd: setup.dir });
    if (code !== 0)
      throw new ServiceError(`The folder of ${TITLE} could not be formatted:\n${lastLines(output, 12)}`);
  },

  processes(setup, { java, jars }): ProcessSpec[] {
    const process = (name: string, mainClass: string): ProcessSpec => ({
      name,
      command: java!,
      args: [...javaArgs(setup, jars!), mainClass],
      cwd: setup.dir,
      log: join(setup.dir, `${name}.log`),
      ports: Object.entries(setup.ports)
        .filter(([port]) => port.startsWith(name))
        .map(([, port]) => port),
    });
    return [process('namenode', NAME_NODE), process('datanode', DATA_NODE)];
  },

  async look(setup) {
    const [namenode, datanode] = [setup.ports['namenode-http']!, setup.ports['datanode-http']!];
    const safeMode = await bean(namenode, 'NameNode', 'NameNodeInfo');
    if (safeMode.Safemode !== '') return 'the NameNode, which is in safe mode';
    const system = await bean(namenode, 'NameNode', 'FSNamesystemState');
    if (system.NumLiveDataNodes !== 1) return 'the DataNode to register';
    const data = await bean(datanode, 'DataNode', 'DataNodeInfo');
    const actors = JSON.parse(String(data.BPServiceActorInfo)) as { ActorState?: string }[];
    return actors.length > 0 && actors.every(({ ActorState }) => ActorState === 'RUNNING')
      ? null
      : 'the DataNode to run';
  },

  address: url,
  connection: (setup) => ({ url: url(setup) }),
};

const confDir = ({ dir }: ServerSetup) => join(dir, 'conf');

/** The NameNode's HTTP address, where WebHDFS is. */
function url({ ports }: Setup): string {
  return `http://127.0.0.1:${ports['namenode-http']}`;
}

function javaArgs(setup: ServerSetup, jars: string): string[] {
  const classPath = `${confDir(setup)}:${jars}`;
  return ['-Xmx256m', '-Djava.net.preferIPv4Stack=true', '-cp', classPath];
}

function hdfsSite({ dir, ports }: ServerSetup): Record<string, string> {
  const at = (port: string) => `127.0.0.1:${ports[port]}`;
  return {
    'dfs.namenode.rpc-address': at('namenode-rpc'),
    'dfs.namenode.http-address': at('namenode-http'),
    'dfs.namenode.name.dir': pathToFileURL(join(dir, 'name')).href,
    'dfs.namenode.datanode.registration.ip-hostname-check': 'false',
    'dfs.namenode.safemode.extension': '0',
    'dfs.namenode.heartbeat.recheck-interval': '2000',
    'dfs.datanode.data.dir': pathToFileURL(join(dir, 'data')).href,
    'dfs.datanode.hostname': '127.0.0.1',
    'dfs.datanode.address': at('datanode'),
    'dfs.datanode.ipc.address': at('datanode-ipc'),
    'dfs.datanode.http.address': at('datanode-http'),
    'dfs.datanode.synconclose': 'true',
    'dfs.heartbeat.interval': '1',
    'dfs.replication': '1',
    'dfs.permissions.enabled': 'false',
  };
}

/** A bean of Hadoop's /jmx page. */
async function bean(port: number, service: string, name: string): Promise<Record<string, unknown>> {
  const answer = await fetch(`http://127.0.0.1:${port}/jmx?qry=Hadoop:service=${service},name=${name}`, {
    signal: AbortSignal.timeout(LOOK_MS_MAX),
  });
  const { beans } = (await answer.json()) as { beans: Record<string, unknown>[] };
  return beans[0] ?? {};
}
