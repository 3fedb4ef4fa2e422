import { EVENTS_PATH } from '../collector.ts';
import { partsOf, type Snippet, type Target } from './snippet-text.ts';

/** How programs that ship logs post to our own API. Each sends lines that are events in JSON. */

export const vectorSnippets = (to: Target): Snippet[] => [
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

export function fluentBitSnippets(to: Target): Snippet[] {
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

export function rsyslogSnippets(to: Target): Snippet[] {
  const { host, port, isTls, path } = partsOf(to);
  return [
    {
      title: 'rsyslog.conf, with the module omhttp',
      kind: 'config',
      text: `module(load="omhttp")
template(name="shop" type="string" string="%msg:2:$%")
action(type="omhttp" server="${host}" serverport="${port}" usehttps="${isTls ? 'on' : 'off'}"
       restpath="${`${path}${EVENTS_PATH}`.slice(1)}" template="shop"${to.key === null ? '' : `\n       httpheaders=["Authorization: Bearer ${to.key}"]`}
       batch="on" batch.format="newline" action.resumeRetryCount="-1"
       queue.type="LinkedList" queue.filename="till" queue.saveOnShutdown="on")`,
    },
  ];
}

export const syslogNgSnippets = (to: Target): Snippet[] => [
  {
    title: 'syslog-ng.conf',
    kind: 'config',
    text: `destination d_till {
  http(
    url("${to.url}${EVENTS_PATH}")
    method("POST")
    headers("Content-Type: application/x-ndjson"${to.key === null ? '' : `, "Authorization: Bearer ${to.key}"`})
    body("\${MSG}")
    body-suffix("\\n") delimiter("\\n") batch-lines(100) batch-timeout(1000)
    disk-buffer(reliable(yes) disk-buf-size(104857600) mem-buf-size(1048576))
  );
};
log { source(s_shop); destination(d_till); };   # s_shop: the name of your source`,
  },
];
