/** Kinds of stores besides the built-in one, which is always there: one line each. */
export { influxdbSink as influxdb } from '../../sinks/influxdb/index.ts';
