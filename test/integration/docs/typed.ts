/** The pages that tests type from the top, by what they need. */
export const TYPED = {
  alone: [
    'README.md',
    'docs/load-an-export.md',
    'docs/receive-webhooks.md',
    'docs/send-from-an-sdk.md',
    'docs/follow-logs.md',
    'docs/fix-bad-rows.md',
    'docs/open-the-archive.md',
    'docs/secure-it.md',
    'docs/back-up-and-upgrade.md',
    'docs/find-out-what-is-wrong.md',
  ],
  servers: ['docs/kafka-hdfs-s3.md', 'docs/grafana.md'],
  cluster: ['docs/spark-and-yarn.md'],
  /** By test/integration/docs/connect.slow.test.ts. */
  presets: ['docs/mappings.md'],
  /** By test/integration/readme.slow.test.ts. */
  installation: ['docs/operating.md', 'docs/uninstall.md'],
  /** By test/integration/package.slow.test.ts. */
  package: ['docs/embed.md'],
} as const;
