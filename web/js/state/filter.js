// Which jobs the list shows. A filter is {status, type, q}: status one of FILTERS, the others '' for any.

import { ENDED, isWaiting } from './job.js';

export const FILTERS = ['all', 'running', 'waiting', 'completed', 'failed', 'cancelled'];
export const NO_FILTER = Object.freeze({ status: 'all', type: '', q: '' });

/** A filter with nothing in it that is not allowed. */
export function cleanFilter({ status = 'all', type = '', q = '' } = {}) {
  return { status: FILTERS.includes(status) ? status : 'all', type: String(type), q: String(q) };
}

export const sameFilter = (a, b) => a.status === b.status && a.type === b.type && a.q === b.q;
export const isNarrow = (filter) => filter.type !== '' || filter.q.trim() !== '';

/** Whether the job's status is in the chosen group. */
export function inStatus(filter, status) {
  if (filter.status === 'all') return true;
  return filter.status === 'waiting' ? isWaiting(status) : filter.status === status;
}

/** A test of type and text, made once for each filter. */
export function narrowTest(filter) {
  const text = filter.q.trim().toLowerCase();
  const { type } = filter;
  return (job) => (type === '' || job.type === type) && (text === '' || job.text.includes(text));
}

/** The same question to the server: the query of GET /api/jobs. */
export function serverQuery(filter) {
  const query = new URLSearchParams();
  if (filter.status === 'waiting') query.set('status', 'pending,retrying,scheduled,blocked');
  else if (filter.status !== 'all') query.set('status', filter.status);
  if (filter.type) query.set('type', filter.type);
  if (filter.q.trim()) query.set('q', filter.q.trim());
  return query;
}

/** Counts by status, summed into the groups of the filter's buttons. */
export function filterCounts(counts) {
  const of = (status) => counts[status] ?? 0;
  const waiting = of('pending') + of('retrying') + of('scheduled') + of('blocked');
  const ended = ENDED.reduce((sum, status) => sum + of(status), 0);
  return {
    all: of('running') + waiting + ended, running: of('running'), waiting,
    completed: of('completed'), failed: of('failed'), cancelled: of('cancelled'),
  };
}

/** How many jobs would be cancelled by "cancel all shown". */
export const cancellable = ({ matching, filter }) => {
  const counts = filterCounts(matching);
  if (filter.status === 'all') return counts.running + counts.waiting;
  return filter.status === 'running' || filter.status === 'waiting' ? counts[filter.status] : 0;
};
