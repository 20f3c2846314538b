// The address. `#/jobs/ID` is a job's panel, `#/?status=failed&type=prime&q=text` a filtered list; `#/jobs/ID?q=text`
// is both. `#/dead-letters?type=prime&error=timeout` and `#/workers` are pages of their own, with `job=ID` for a panel.

import { cleanDeadFilter } from './state/dead-letters.js';
import { cleanFilter } from './state/filter.js';

/** The pages, each with its path. */
const paths = { queue: '/', 'dead-letters': '/dead-letters', workers: '/workers' };

const textOf = (params, name) => params.get(name) ?? '';

/** `{view, selected}` from a hash, with `filter` or `dead`: what the page of that name filters by. */
export function parseRoute(hash) {
  const [path, query = ''] = hash.replace(/^#/, '').split(/\?(.*)/s);
  const params = new URLSearchParams(query);
  const place = path.replace(/(.)\/$/, '$1');
  if (place === paths.workers) return { view: 'workers', selected: textOf(params, 'job') || null };
  if (place === paths['dead-letters']) {
    const dead = cleanDeadFilter({
      type: textOf(params, 'type'), error: textOf(params, 'error'), queue: textOf(params, 'queue'),
      q: textOf(params, 'q'),
    });
    return { view: 'dead-letters', selected: textOf(params, 'job') || null, dead };
  }
  const match = /^\/jobs\/([^/]+)$/.exec(place);
  let selected = null;
  try {
    selected = match ? decodeURIComponent(match[1]) : null;
  } catch {
    selected = null;
  }
  const filter = cleanFilter({
    status: params.get('status') ?? 'all', type: textOf(params, 'type'), q: textOf(params, 'q'),
  });
  return { view: 'queue', selected, filter };
}

/** The hash of a view. */
export function routeHash({ view = 'queue', selected = null, filter, dead }) {
  const params = new URLSearchParams();
  const put = (names, values) => {
    for (const name of names) if (values?.[name]) params.set(name, values[name]);
  };
  let path = paths[view];
  if (view === 'queue') {
    if (selected) path = `/jobs/${encodeURIComponent(selected)}`;
    if (filter && filter.status !== 'all') params.set('status', filter.status);
    put(['type', 'q'], filter);
  } else {
    if (view === 'dead-letters') put(['type', 'error', 'queue', 'q'], dead);
    if (selected) params.set('job', selected);
  }
  const query = params.toString();
  return `#${path}${query ? `?${query}` : ''}`;
}

/** The hash of what a state shows, with some of it changed. */
export const hashOf = ({ view, selected, collection, dead }, changes = {}) =>
  routeHash({ view, selected, filter: collection.filter, dead: dead.filter, ...changes });
