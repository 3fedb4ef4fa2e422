/** The pinned versions of everything that is fetched, in one place. A change fetches again: cache folders are named by them. */
export const KAFKA = '4.4.0';
/** Scala version of the Kafka artifact. */
export const KAFKA_SCALA = '2.13';
/** Binds the logging of Kafka to log4j 2. */
export const LOG4J_SLF4J = '2.25.5';
export const HADOOP = '3.5.0';
/** Of YARN's artifacts, the one that has to be said. */
export const JACKSON = '2.18.6';
/** The last InfluxDB that `go install` can build; it has the v1 API, and the v2 endpoints for write and query. */
export const INFLUXDB = '1.8.10';
export const VERSITYGW = '1.8.0';
/** Of the cluster and of the driver, which must be the same. */
export const SPARK = '4.2.0';
/** Oldest Python that runs Spark of this version. */
export const PYTHON_OLDEST = '3.10';
/** Oldest Java that runs Kafka, Hadoop and Spark of these versions. */
export const JAVA_OLDEST = 17;
export const MAVEN_DEPENDENCY_PLUGIN = '3.8.1';

/** The Go that is fetched where there is none, or one older than GO_OLDEST (go.mod of versitygw). */
export const GO = '1.26.8';
export const GO_OLDEST = '1.25';
/** Hash of golang.org/toolchain per architecture (Node's name for it), as the Go checksum database has it. */
export const GO_SUMS: Readonly<Record<string, string>> = {
  x64: 'h1:ZOmGe1OnfREDMIdb1Qi4G9JSuDPBLGExZMQ4nis1RXM=',
  arm64: 'h1:sYL/O6MqS68ML0kjsQ36WoYIpJqkw60TxizWUYUKQMc=',
};
