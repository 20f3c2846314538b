// What the tests share: jobs and figures in the shape of the wire.

import { initialState, reduce } from '../../web/js/state/reducer.js';

export const NOW = 1_795_000_000;

let count = 0;

/** A job as the server sends it. */
export function wireJob(fields = {}) {
  count += 1;
  return {
    id: `job-${String(count).padStart(8, '0')}`, type: 'countdown', queue: 'default', status: 'pending',
      priority: 'normal',
    params: { seconds: 10 }, progress: null, attempt: 0, retry_count: 0, losses: 0, max_retries: 3, tags: {},
      metadata: {},
    created_at: NOW + count / 1000, run_at: NOW, started_at: null, completed_at: null, next_retry_at: null,
    duration_seconds: null, worker_id: null, cancel_requested_at: null, cancelled_by: null, result: null, error: null,
    ...fields,
  };
}

export const stats = (counts = {}) => ({
  pending: 0, scheduled: 0, blocked: 0, retrying: 0, running: 0, completed: 0, failed: 0, cancelled: 0,
  total: Object.values(counts).reduce((sum, number) => sum + number, 0), throughput: 0, avg_duration_ms: null,
  window_seconds: 10, worker: { active: 0, idle: 4, capacity: 4, processed: 0 }, ...counts,
});

export const begin = (fields) => initialState({ now: NOW, ...fields });

export const play = (state, ...events) => events.reduce(reduce, state);

/** A state that holds these jobs and no others on the server. */
export const holding = (jobs, state = begin()) =>
  play(state, { type: 'queue_state', jobs, stats: stats({ pending: jobs.length }), has_more: false });

export const jobOf = (state, id) => state.collection.jobs.get({ id });

export const shownIDs = (state) => state.collection.shown.slice().map(({ id }) => id);

/** Throws where order, counts and filter of a state do not agree with its jobs. */
export function checkCollection({ collection }, { compareKeys, inStatus, narrowTest }) {
  const matches = narrowTest(collection.filter);
  const jobs = collection.jobs.slice();
  const sorted = jobs.map(({ key }) => key).sort(compareKeys).map(({ id }) => id);
  const fits = (id) => {
    const job = collection.jobs.get({ id });
    return matches(job) && inStatus(collection.filter, job.status);
  };
  const counts = {};
  for (const { status } of jobs) counts[status] = (counts[status] ?? 0) + 1;
  const same = (a, b, what) => {
    if (JSON.stringify(a) !== JSON.stringify(b)) throw new Error(`${what}: ${JSON.stringify(a)} is not ${JSON.stringify(b)}`);
  };
  same(collection.order.slice().map(({ id }) => id), sorted, 'order');
  same(collection.shown.slice().map(({ id }) => id), sorted.filter(fits), 'shown');
  for (const status of new Set([...Object.keys(counts), ...Object.keys(collection.counts)])) {
    same(collection.counts[status] ?? 0, counts[status] ?? 0, `count of ${status}`);
  }
}
