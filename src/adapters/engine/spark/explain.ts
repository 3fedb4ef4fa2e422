import { SPARK_VERSION } from './config.ts';
import type { Exit } from './driver-process.ts';

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
  message(place: { python: string; master: string }): string;
}

/** The first that fits explains an exit. */
const KNOWN: readonly Known[] = [
  {
    sign: /spawn .* ENOENT/,
    isFinal: true,
    message: ({ python }) =>
      `There is no program ${python}. Install Python 3.10 or newer, or set engine.python to the one that has pyspark.`,
  },
  {
    sign: /No module named '?pyspark/,
    isFinal: true,
    message: ({ python }) =>
      `${python} has no pyspark. Install it ("${python} -m pip install pyspark==${SPARK_VERSION}"), or set engine.python to a Python that has it.`,
  },
  {
    sign: /JAVA_HOME is not set|Unable to locate a Java Runtime|java: (command )?not found|UnsupportedClassVersionError/,
    isFinal: true,
    message: () =>
      'Spark found no Java that runs it. Install Java 17 or newer (Debian: apt-get install openjdk-17-jre-headless), or set JAVA_HOME.',
  },
  {
    sign: /Either HADOOP_CONF_DIR or YARN_CONF_DIR must be set|HADOOP_CONF_DIR or YARN_CONF_DIR/,
    isFinal: true,
    message: () => 'For master yarn set HADOOP_CONF_DIR to the folder with core-site.xml and yarn-site.xml.',
  },
  {
    sign: /Could not parse Master URL|requires .*Kubernetes/i,
    isFinal: true,
    message: ({ master }) => `Spark can't use the master ${master}; check engine.master.`,
  },
  {
    sign: /InvalidClassException|local class incompatible|NoSuchMethodError/,
    isFinal: true,
    message: ({ master }) =>
      `The Spark at ${master} is of another version than the driver's, ${SPARK_VERSION}. Both must be the same.`,
  },
  {
    sign: /All masters are unresponsive|Failed to connect to master|Connection refused: .*ResourceManager|ApplicationMaster.*(not|never)/,
    isFinal: false,
    message: ({ master }) => `Spark at ${master} does not answer. Check that it runs and engine.master.`,
  },
  {
    sign: /Failed to find data source: kafka|unresolved dependency|ClassNotFoundException: org\.apache\.spark\.sql\.kafka010/,
    isFinal: true,
    message: () =>
      'Spark has no Kafka connector. Set engine.jars to its jars, or give the driver access to Maven Central (engine.packages).',
  },
  {
    sign: /Some data may have been lost|KAFKA_DATA_LOSS/,
    isFinal: false,
    message: () =>
      'Lines of the log were deleted before Spark read them. "tillstream rebuild" computes their windows from the archive.',
  },
  {
    sign: /TimeoutException: (Timed out waiting for a node assignment|Call\(|Timeout expired)|Failed to construct kafka|KafkaException/,
    isFinal: false,
    message: () =>
      "Spark can't reach Kafka. Check that the brokers run, and that their addresses are right for the cluster too.",
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
    sign: /ConcurrentModificationException|Multiple streaming queries are concurrently using|CONCURRENT_STREAM_LOG_UPDATE/,
    isFinal: false,
    message: () => 'Another driver works on the same checkpoint; it may be one that is about to end.',
  },
  {
    // Said as well when Java was there and ended for a reason that is told before.
    sign: /JAVA_GATEWAY_EXITED/,
    isFinal: false,
    message: () =>
      "Spark's Java did not start. Look at driver.log in the data folder; Java 17 or newer is needed.",
  },
];

/** What an exit of the driver means. */
export function explain(exit: Exit, place: { python: string; master: string }): Failure {
  const known = KNOWN.find(({ sign }) => sign.test(exit.stderr));
  if (known) return { message: known.message(place), isFinal: known.isFinal };
  const how = exit.signal ? `was ended by ${exit.signal}` : `ended with code ${exit.code}`;
  const lines = exit.stderr.split('\n').filter((line) => /(Exception|Error)\b.*/.test(line));
  const last = lines.at(-1)?.trim().slice(0, 300);
  return { message: `The Spark driver ${how}${last ? `: ${last}` : ''}.`, isFinal: false };
}

/** Null when the driver's Spark is the right one. */
export function wrongVersion(version: string): Failure | null {
  if (version === SPARK_VERSION) return null;
  return {
    message: `The driver's pyspark is ${version}, and the job needs ${SPARK_VERSION}. Install that one (pip install pyspark==${SPARK_VERSION}).`,
    isFinal: true,
  };
}
