import { EVENTS_PATH } from '../collector.ts';
import { partsOf, type Snippet, type SnippetTarget } from './snippet-text.ts';

/** How programs that ship logs post to our own API. Each sends lines that are events in JSON. */

export const vectorSnippets = (to: SnippetTarget): Snippet[] => [
  {
    title: 'vector.yaml',
    kind: 'yaml',
    text: `sinks:
  till:
    type: http
    inputs: [shop]                    # the name of your source
    uri: ${to.url}${EVENTS_PATH}?map=vector
    encoding: {codec: json}
    compression: gzip${to.key === null ? '' : `\n    auth: {strategy: bearer, token: "\${${to.key}}"}`}`,
  },
];

export function fluentBitSnippets(to: SnippetTarget): Snippet[] {
  const { host, port, isTls, path } = partsOf(to);
  const lines = [
    ['name', 'http'],
    ['match', '*'],
    ['host', host],
    ['port', port],
    ['tls', isTls ? 'on' : 'off'],
    ['uri', `${path}${EVENTS_PATH}?map=fluent-bit`],
    ['format', 'json'],
    ...(to.key === null ? [] : [['header', `Authorization Bearer \${${to.key}}`]]),
  ];
  return [
    {
      title: 'fluent-bit.conf',
      kind: 'config',
      text: `[OUTPUT]\n${lines.map(([name, value]) => `    ${name!.padEnd(8)}${value}`).join('\n')}`,
    },
  ];
}

export function rsyslogSnippets(to: SnippetTarget): Snippet[] {
  const { host, port, isTls, path } = partsOf(to);
  const key = to.key === null ? '' : `\n       httpheaders=["Authorization: Bearer ${to.key}"]`;
  return [
    {
      title: 'rsyslog.conf, with the module omhttp, which Debian 12 does not have',
      kind: 'config',
      text: `module(load="omhttp")
template(name="shop" type="string" string="%msg%")
action(type="omhttp" server="${host}" serverport="${port}" usehttps="${isTls ? 'on' : 'off'}"
       restpath="${`${path}${EVENTS_PATH}`.slice(1)}"${key}
       template="shop" batch="on" batch.format="newline"
       action.resumeRetryCount="-1" queue.type="LinkedList"
       queue.filename="till" queue.maxDiskSpace="100m" queue.saveOnShutdown="on")`,
    },
    {
      title: 'rsyslog.conf, with a file that Tillstream follows',
      kind: 'config',
      text: `template(name="shop-lines" type="string" string="%msg%\\n")
action(type="omfile" file="${RSYSLOG_FILE}" template="shop-lines")`,
    },
    {
      title: 'Config of Tillstream, for that file',
      kind: 'yaml',
      text: `sources:\n  - {kind: tail, name: rsyslog, path: ${RSYSLOG_FILE}}`,
    },
  ];
}

const RSYSLOG_FILE = '/var/log/shop.ndjson';

export const syslogNgSnippets = (to: SnippetTarget): Snippet[] => [
  {
    title: 'syslog-ng.conf',
    kind: 'config',
    text: `destination d_till {
  http(
    url("${to.url}${EVENTS_PATH}")
    method("POST")
    headers("Content-Type: application/x-ndjson"${to.key === null ? '' : `, "Authorization: Bearer ${to.key}"`})
    body("\${MSG}")
    delimiter("\\n") batch-lines(100) batch-timeout(1000)
    disk-buffer(reliable(yes) disk-buf-size(104857600) mem-buf-size(1048576))
  );
};
log { source(s_shop); destination(d_till); };   # s_shop: the name of your source`,
  },
];
