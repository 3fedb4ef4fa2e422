import { curl, NEW_ID, NOW, partsOf, type Snippet, type SnippetTarget, shellKey } from './snippet-text.ts';

/** How the clients of other systems are pointed here: one function for each protocol of protocols.ts. */

/** In Node the key comes from the environment. A library that needs one gets any text where none is needed. */
const nodeKey = ({ key }: SnippetTarget) => (key === null ? "'none'" : `process.env.${key}`);

export const segmentSnippets = (to: SnippetTarget): Snippet[] => [
  {
    title: 'Segment, Node',
    kind: 'javascript',
    text: `import { Analytics } from '@segment/analytics-node';

const analytics = new Analytics({ writeKey: ${nodeKey(to)}, host: '${to.url}' });
analytics.track({ userId: 'u1', event: 'Product Viewed', properties: { product_id: 'p1' } });
await analytics.closeAndFlush();`,
  },
  {
    title: 'RudderStack, Node',
    kind: 'javascript',
    text: `import RudderAnalytics from '@rudderstack/rudder-sdk-node';

const client = new RudderAnalytics(${nodeKey(to)}, { dataPlaneUrl: '${to.url}' });
client.track({ userId: 'u1', event: 'Product Viewed', properties: { product_id: 'p1' } });
await client.flush();`,
  },
  curl(to, '/v1/track', {
    body: `{"messageId":"${NEW_ID}","userId":"u1","event":"Product Viewed","properties":{"product_id":"p1"},"timestamp":"${NOW}"}`,
  }),
];

export const ga4Snippets = (to: SnippetTarget): Snippet[] => [
  curl(to, '/mp/collect', {
    keyIn: { parameter: 'api_secret' },
    body: `{"client_id":"1.2","events":[{"name":"view_item","params":{"items":[{"item_id":"p1"}]}}]}`,
  }),
];

export const posthogSnippets = (to: SnippetTarget): Snippet[] => [
  {
    title: 'Node',
    kind: 'javascript',
    text: `import { PostHog } from 'posthog-node';

const posthog = new PostHog(${nodeKey(to)}, { host: '${to.url}' });
posthog.capture({ distinctId: 'u1', event: 'Product Viewed', properties: { product_id: 'p1' } });
await posthog.shutdown();`,
  },
  curl(to, '/i/v0/e/', {
    keyIn: 'body',
    body: `{${to.key === null ? '' : `"api_key":"${shellKey(to.key)}",`}"event":"Product Viewed","distinct_id":"u1","properties":{"product_id":"p1"},"timestamp":"${NOW}"}`,
  }),
];

export const snowplowSnippets = (to: SnippetTarget): Snippet[] => [
  {
    title: 'Browser tracker',
    kind: 'javascript',
    text: `import { newTracker, trackPageView } from '@snowplow/browser-tracker';

newTracker('till', '${to.url}', {
  appId: 'shop',${to.key === null ? '' : `\n  customHeaders: { Authorization: 'Bearer ${to.key}' },`}
});
trackPageView();`,
  },
  {
    title: 'Node',
    kind: 'javascript',
    text: `import { buildPageView, newTracker } from '@snowplow/node-tracker';

const tracker = newTracker(
  { namespace: 'till', appId: 'shop' },
  { endpoint: '${to.url}'${to.key === null ? '' : `, customHeaders: { authorization: \`Bearer \${process.env.${to.key}}\` }`} },
);
tracker.track(buildPageView({ pageUrl: 'https://shop.example/' }));
await tracker.flush();`,
  },
  curl(to, '/com.snowplowanalytics.snowplow/tp2', {
    body: `{"schema":"iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4","data":[{"e":"pv","eid":"${NEW_ID}","dtm":"$(date +%s)000","p":"web","url":"https://shop.example/"}]}`,
  }),
];

export const otlpSnippets = (to: SnippetTarget): Snippet[] => [
  {
    title: 'OpenTelemetry Collector',
    kind: 'yaml',
    text: `exporters:
  otlphttp/till:
    logs_endpoint: ${to.url}/v1/logs${to.key === null ? '' : `\n    headers:\n      authorization: "Bearer \${env:${to.key}}"`}
service:
  pipelines:
    logs:
      exporters: [otlphttp/till]     # beside those that are there`,
  },
  curl(to, '/v1/logs', {
    body: `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"$(date +%s)000000000","eventName":"view_product","attributes":[{"key":"user_id","value":{"stringValue":"u1"}},{"key":"product_id","value":{"stringValue":"p1"}}]}]}]}]}`,
  }),
];

export const firehoseSnippets = (to: SnippetTarget): Snippet[] => [
  {
    title: 'Destination of the stream',
    kind: 'config',
    text: `HTTP endpoint URL  ${to.url}/v1/firehose
Access key         ${to.key === null ? '(leave it empty)' : `the key, here called ${to.key}`}
Content encoding   GZIP${partsOf(to).isTls ? '' : '\n\nFirehose sends to public https addresses only.'}`,
  },
  withData(
    curl(to, '/v1/firehose', {
      keyIn: { header: 'X-Amz-Firehose-Access-Key' },
      headers: ['Content-Type: application/json', `X-Amz-Firehose-Request-Id: ${NEW_ID}`],
      body: `{"requestId":"${NEW_ID}","timestamp":$(date +%s)000,"records":[{"data":"$DATA"}]}`,
    }),
  ),
];

/** Firehose packs each event into base64. */
const withData = (snippet: Snippet): Snippet => ({
  ...snippet,
  text: `DATA=$(base64 <<END | tr -d '\\n'
{"timestamp":"${NOW}","event_type":"view_product","event_id":"${NEW_ID}","product_id":"p1"}
END
)
${snippet.text}`,
});
