import { SPARK_VERSION } from './config.ts';

export interface Exit {
  /** Null when a signal ended it. */
  code: number | null;
  signal: NodeJS.Signals | null;
  /** The end of what it wrote to stderr, without its lines that are indented. */
  stderr: string;
  /** It got as far as to read the job: Python and pyspark are there. */
  hasBegun: boolean;
}

export interface Failure {
  /** What is wrong and what to do. */
  message: string;
  /** Another attempt would fail in the same way: a person is needed. */
  isFinal: boolean;
}

interface Known {
  /** Found in what the driver wrote before it ended. */
  sign: RegExp;
  isFinal: boolean;
  /** `found` is what the sign has in brackets. */
  message(engine: { python: string; master: string }, found: string): string;
}

const CHECK_HADOOP =
  'Check that YARN and HDFS run, and their addresses in engine.hadoop_conf_dir and engine.archive_url.';

const PYSPARK = `a Python, 3.10 or newer, that has pyspark ${SPARK_VERSION} (pip install pyspark==${SPARK_VERSION})`;
/** What to do where there is no Java, or one that is too old. */
export const JAVA_NEEDED = 'Install Java 17 or newer (Debian: apt-get install openjdk-17-jre-headless)';
/** Class files of Java 17 are of version 61. */
const javaOf = (classFiles: string) => Math.floor(Number(classFiles)) - 44;

/** The first that fits explains an exit. */
const KNOWN: readonly Known[] = [
  {
    sign: /spawn .* ENOENT/,
    isFinal: true,
    message: ({ python }) =>
      `There is no program ${python}. Install Python 3.10 or newer, or set engine.python to the one that has pyspark.`,
  },
  {
    sign: /spawn .* (?:EACCES|ENOEXEC|ENOTDIR|EISDIR)/,
    isFinal: true,
    message: ({ python }) => `${python} is not a program that can be run. Set engine.python to ${PYSPARK}.`,
  },
  {
    sign: /No module named '?pyspark/,
    isFinal: true,
    message: ({ python }) =>
      `${python} has no pyspark. Install it ("${python} -m pip install pyspark==${SPARK_VERSION}"), or set engine.python to a Python that has it.`,
  },
  {
    sign: /UnsupportedClassVersionError.*?up to (\d+(?:\.\d+)?)/,
    isFinal: true,
    message: (_, classFiles) =>
      `The Java that Spark found is ${javaOf(classFiles)}, which is too old. ${JAVA_NEEDED}, and have JAVA_HOME or PATH name it.`,
  },
  {
    sign: /: (\S+)\/bin\/java: No such file or directory/,
    isFinal: true,
    message: (_, home) =>
      `JAVA_HOME is ${home}, where there is no bin/java. ${JAVA_NEEDED}, and set JAVA_HOME to it or unset it.`,
  },
  {
    sign: /JAVA_HOME is not set|Unable to locate a Java Runtime|java: (?:command )?not found/,
    isFinal: true,
    message: () => `Spark found no Java. ${JAVA_NEEDED}, or set JAVA_HOME.`,
  },
  {
    sign: /Either HADOOP_CONF_DIR or YARN_CONF_DIR must be set|HADOOP_CONF_DIR or YARN_CONF_DIR/,
    isFinal: true,
    message: () => 'For master yarn set HADOOP_CONF_DIR to the folder with core-site.xml and yarn-site.xml.',
  },
  {
    sign: /Required (?:executor|AM) memory .* is above the max threshold \((\d+ MB)\) of this cluster/,
    isFinal: true,
    message: (_, most) =>
      `YARN can't provide a container of the requested size: the limit is ${most}. Lower engine.executor_memory, or raise yarn.scheduler.maximum-allocation-mb.`,
  },
  {
    sign: /Permission denied: (user=\S+, access=\S+, inode="[^"]*")/,
    isFinal: true,
    message: (_, what) =>
      `HDFS refuses Spark a folder (${what}). It needs to write in the archive's folder and, on YARN, in the user's home folder there.`,
  },
  {
    sign: /Incomplete HDFS URI, no host/,
    isFinal: true,
    message: () =>
      'engine.archive_url does not name a server, and fs.defaultFS in engine.hadoop_conf_dir is not an address of HDFS.',
  },
  {
    sign: /(?:Call From \S+ to |destination host is: )(\S+?);? /,
    isFinal: false,
    message: (_, server) => `Spark can't reach ${server}. ${CHECK_HADOOP}`,
  },
  {
    sign: /Yarn application has already ended|YARN application has exited unexpectedly/,
    isFinal: false,
    message: () => "YARN ended Spark's application. The ResourceManager's page and driver.log show why.",
  },
  {
    sign: /Could not parse Master URL|Invalid master URL|requires .*Kubernetes/i,
    isFinal: true,
    message: ({ master }) => `Spark can't use the master ${master}; check engine.master.`,
  },
  {
    sign: /Must specify the executor container image/,
    isFinal: true,
    message: () => 'For master k8s:// set spark.kubernetes.container.image in engine.conf.',
  },
  {
    sign: /io\.fabric8\.kubernetes/,
    isFinal: false,
    message: ({ master }) =>
      `Kubernetes at ${master} does not answer, or refuses Spark. Check that it runs, engine.master, and the credentials in engine.conf; driver.log in the data folder has more.`,
  },
  {
    sign: /InvalidClassException|local class incompatible|NoSuchMethodError/,
    isFinal: true,
    message: ({ master }) =>
      `The Spark at ${master} is of another version than the driver's, ${SPARK_VERSION}. Both must be the same.`,
  },
  {
    sign: /All masters are unresponsive|Failed to connect to master|Connection refused: .*ResourceManager|ApplicationMaster.*(?:not|never)/,
    isFinal: false,
    message: ({ master }) => `Spark at ${master} does not answer. Check that it runs and engine.master.`,
  },
  {
    sign: /(mkdir of file:\S+ failed|Mkdirs failed to create \S+|Parent path is not a directory: \S+|\S+ \((?:Permission denied|Read-only file system|Not a directory)\))/,
    isFinal: true,
    message: (_, what) =>
      `Spark can't write its files (${what}). Make the folder writable for Spark. It is in the data folder, or next to the archive.`,
  },
  {
    sign: /(No FileSystem for scheme "\w+"|Class org\.apache\.hadoop\.fs\.\S+ not found)/,
    isFinal: true,
    message: (_, what) =>
      `Spark has no way to engine.archive_url (${what}). Add the jars of that file system to engine.jars, or set another address.`,
  },
  {
    sign: /OutOfMemoryError/,
    isFinal: false,
    message: () => 'Spark ran out of memory. Raise engine.driver_memory or engine.executor_memory.',
  },
  {
    sign: /No space left on device/,
    isFinal: false,
    message: () => 'A disk of Spark is full.',
  },
  {
    // Said as well when Java was there and ended for a reason that is told before.
    sign: /JAVA_GATEWAY_EXITED/,
    isFinal: false,
    message: () =>
      "Spark's Java did not start. Look at driver.log in the data folder; Java 17 or newer is needed.",
  },
];

/** What the driver says while it waits. */
const WAITS: readonly { sign: RegExp; message(found: string): string }[] = [
  {
    sign: /StandaloneAppClient\S*: Connecting to master (\S+?)\.\.\.$/,
    message: (master) =>
      `Spark connects to ${master}. If that lasts, what listens there is not a Spark master.`,
  },
  {
    sign: /Failed to connect to master (\S+)/,
    message: (master) =>
      `Spark's master at ${master} does not answer. It will be retried. Check that it is running, and engine.master.`,
  },
  {
    sign: /Application report for (application_\w+) \(state: (?:NEW|NEW_SAVING|SUBMITTED|ACCEPTED)\)/,
    message: (application) =>
      `Spark waits for YARN to give it resources (${application}). If this persists, its queue is full or too small.`,
  },
  {
    sign: /Retrying connect to server: (\S+?)\. Already tried/,
    message: (server) => `Spark waits for ${server}, which does not answer. ${CHECK_HADOOP}`,
  },
  {
    sign: /Initial job has not accepted any resources/,
    message: () =>
      'Spark waits for executors: the cluster has no room for one with engine.executor_memory and engine.executor_cores.',
  },
];

/** What the driver waits for when it writes this line; null when the line is about something else. */
export function waitOf(line: string): string | null {
  for (const { sign, message } of WAITS) {
    const match = sign.exec(line);
    if (match) return message(match[1] ?? '');
  }
  return null;
}

/** What Spark says in words of ours; null where it is nothing known. */
export function known(text: string, engine: { python: string; master: string }): Failure | null {
  for (const { sign, message, isFinal } of KNOWN) {
    const match = sign.exec(text);
    if (match) return { message: message(engine, match[1] ?? ''), isFinal };
  }
  return null;
}

/** What an exit of the driver means. */
export function explain(exit: Exit, engine: { python: string; master: string }): Failure {
  const found = known(exit.stderr, engine);
  if (found) return found;
  if (!exit.hasBegun && !exit.signal) {
    const said = exit.stderr.trim().split('\n').at(-1)?.slice(0, 200);
    return {
      message: `${engine.python} can't run the driver: it ended with code ${exit.code}${said ? ` and said "${said}"` : ' and printed nothing'}. Set engine.python to ${PYSPARK}.`,
      isFinal: true,
    };
  }
  const how = exit.signal ? `was ended by ${exit.signal}` : `ended with code ${exit.code}`;
  const lines = exit.stderr.split('\n').filter((line) => /(Exception|Error)\b.*/.test(line));
  const last = lines.at(-1)?.trim().slice(0, 300);
  return { message: `The Spark driver ${how}${last ? `: ${last}` : ''}.`, isFinal: false };
}

/** Null when Spark, or the Python package that starts it, is of the right version. */
export function wrongVersion(of: 'pyspark' | 'spark', version: string, python: string): Failure | null {
  if (version === SPARK_VERSION) return null;
  const message =
    of === 'pyspark'
      ? `The pyspark of ${python} is ${version}, and the job needs ${SPARK_VERSION}. Install that one ("${python} -m pip install pyspark==${SPARK_VERSION}"), or set engine.python to a Python that has it.`
      : `Spark is ${version}, and the job needs ${SPARK_VERSION}. SPARK_HOME names a different Spark than the one in pyspark: unset it, or set it to one of ${SPARK_VERSION}.`;
  return { message, isFinal: true };
}
