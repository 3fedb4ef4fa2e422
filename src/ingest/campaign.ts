/** Fields that an address may hold, by the parameter of the query. */
const CAMPAIGN_PARAMETERS: Readonly<Record<string, string>> = {
  utm_campaign: 'campaign',
  utm_source: 'utm_source',
  utm_medium: 'utm_medium',
  utm_term: 'utm_term',
  utm_content: 'utm_content',
};

/** What an address with one of them contains. */
export const CAMPAIGN_MARK = 'utm_';

/** Calls `found` with the field and value of each utm_ parameter that an address holds. */
export function readCampaign(url: string, found: (field: string, value: string) => void): void {
  const start = url.indexOf('?');
  if (start < 0 || !url.includes(CAMPAIGN_MARK, start)) return;
  const hash = url.indexOf('#', start);
  const query = new URLSearchParams(url.slice(start + 1, hash < 0 ? undefined : hash));
  for (const [parameter, field] of Object.entries(CAMPAIGN_PARAMETERS)) {
    const value = query.get(parameter);
    if (value) found(field, value);
  }
}
