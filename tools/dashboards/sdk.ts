/** The parts of the Grafana Foundation SDK that the dashboards are made with. */
export * as bargauge from '@grafana/grafana-foundation-sdk/bargauge';
export type * as cog from '@grafana/grafana-foundation-sdk/cog';
export * as common from '@grafana/grafana-foundation-sdk/common';
export * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
export * as prometheus from '@grafana/grafana-foundation-sdk/prometheus';
export * as stat from '@grafana/grafana-foundation-sdk/stat';
export * as statetimeline from '@grafana/grafana-foundation-sdk/statetimeline';
export * as table from '@grafana/grafana-foundation-sdk/table';
export * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';
