import type { Say } from './cache.ts';
import type { ProcessSpec } from './processes.ts';

/** What is chosen once per data folder and server, and stays through restarts. */
export interface Setup {
  /** How many processes of a kind; only Kafka may have more than one. */
  size: number;
  ports: Record<string, number>;
  secrets: Record<string, string>;
  /** Of the last start: paths that clients need too. Absent before the first one. */
  programs?: Programs;
}

/** A setup, and the folder for data, config and logs. */
export interface ServerSetup extends Setup {
  dir: string;
}

/** What the config takes for each kind of server: `services up --json`. */
export interface Connections {
  kafka: { brokers: string[] };
  /** The NameNode's HTTP address, where WebHDFS is. */
  hdfs: { url: string };
  influxdb: { url: string; token: string; org: string; bucket: string };
  s3: { endpoint: string; bucket: string; access_key_id: string; secret_access_key: string };
  spark: SparkConnection;
  /** Spark's work, run by YARN. */
  yarn: SparkConnection & {
    hadoop_conf_dir: string;
    executor_memory: string;
    executor_cores: number;
    conf: Record<string, string>;
  };
}

/** What the settings of the engine take, with the Python that belongs to it. */
interface SparkConnection {
  master: string;
  python: string;
}

export type ServiceName = keyof Connections;

/** Paths of what a server is run with, by a name of its own. */
export type Programs = Readonly<Record<string, string>>;

/** One kind of server. Its processes listen on 127.0.0.1 only. */
export interface Server<Name extends ServiceName = ServiceName> {
  /** Name and version, for people. */
  readonly title: string;
  /** How long it may take to be ready, in milliseconds. */
  readonly readyMsMax: number;
  portNames(size: number): string[];
  newSecrets(): Record<string, string>;
  /** The program that fetches it. It has one cache, which two runs at a time would fight for. */
  readonly fetchedBy: 'maven' | 'go' | 'pip';
  /** Brings what is needed to run it. Throws ServiceError where a program of this machine is missing. */
  fetch(say: Say): Promise<Programs>;
  /** Writes config and formats empty data. Called before every start, also after one that was cut short. */
  prepare(setup: ServerSetup, programs: Programs): Promise<void>;
  /** In the order in which they are started. */
  processes(setup: ServerSetup, programs: Programs): ProcessSpec[];
  /** Null when clients can work with it, else what it is waiting for. May throw while it is starting. */
  look(setup: ServerSetup): Promise<string | null>;
  /** Makes what clients find there, such as a bucket, where it is missing. Called when it is ready. */
  furnish?(setup: ServerSetup): Promise<void>;
  /** Where it is, for people. */
  address(setup: Setup): string;
  /** `dir`: the server's folder. */
  connection(setup: Setup, dir: string): Connections[Name];
}
