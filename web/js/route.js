// The address: `#/jobs/ID` is a job's panel, `#/?status=failed&type=prime&q=text` a filtered list; `#/jobs/ID?q=text`
// is both.

import { cleanFilter } from './state/filter.js';

/** `{selected, filter}` from a hash. */
export function parseRoute(hash) {
  const [path, query = ''] = hash.replace(/^#/, '').split(/\?(.*)/s);
  const params = new URLSearchParams(query);
  const match = /^\/jobs\/([^/]+)\/?$/.exec(path);
  let selected = null;
  try {
    selected = match ? decodeURIComponent(match[1]) : null;
  } catch {
    selected = null;
  }
  const filter = cleanFilter({
    status: params.get('status') ?? 'all', type: params.get('type') ?? '', q: params.get('q') ?? '',
  });
  return { selected, filter };
}

/** The hash of a view. */
export function routeHash({ selected, filter }) {
  const params = new URLSearchParams();
  if (filter.status !== 'all') params.set('status', filter.status);
  if (filter.type) params.set('type', filter.type);
  if (filter.q) params.set('q', filter.q);
  const query = params.toString();
  return `#/${selected ? `jobs/${encodeURIComponent(selected)}` : ''}${query ? `?${query}` : ''}`;
}
