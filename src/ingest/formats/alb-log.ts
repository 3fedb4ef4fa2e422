import type { Detection, Format } from '../format.ts';
import { lineText, recordOf, splitAtBlanks } from './cells.ts';
import { lineDecoder, sampleLines } from './lines.ts';

/** https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html */
const NAMES =
  'type time elb client:port target:port request_processing_time target_processing_time response_processing_time elb_status_code target_status_code received_bytes sent_bytes request user_agent ssl_cipher ssl_protocol target_group_arn trace_id domain_name chosen_cert_arn matched_rule_priority request_creation_time actions_executed redirect_url error_reason target:port_list target_status_code_list classification classification_reason conn_trace_id transformed_host transformed_uri request_transform_status'.split(
    ' ',
  );
/** Older balancers wrote fewer; more have been added at the end over the years. */
const CELLS_MIN = 17;
const START = /^(https?|h2|grpcs|wss?) \d{4}-\d{2}-\d{2}T[\d:.]+Z \S+ \S+ \S+ -?[\d.]+ -?[\d.]+ -?[\d.]+ /;

/** Access logs of AWS application load balancers. */
export const albLog: Format = {
  name: 'alb',
  description: 'Access logs of AWS application load balancers, with the names of their documentation.',
  detect(sample): Detection | null {
    const lines = sampleLines(sample);
    const fitting = lines.filter((line) => START.test(line.toString('latin1'))).length;
    return lines.length > 0 && fitting * 2 >= lines.length ? { details: [] } : null;
  },
  decoder: () =>
    lineDecoder((line, place, pieces) => {
      const text = lineText(line, place, pieces);
      if (text === null) return;
      const cells = splitAtBlanks(text);
      if (cells === null) pieces.reject('bad_quote', line, place);
      else if (!START.test(text)) pieces.reject('bad_record', line, place);
      else if (cells.length < CELLS_MIN) pieces.reject('wrong_cell_count', line, place);
      else pieces.record(recordOf(NAMES, cells, line, place));
    }),
};
