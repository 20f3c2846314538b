import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createActions } from '../../web/js/actions.js';
import { createStore } from '../../web/js/state/store.js';
import { reduce } from '../../web/js/state/reducer.js';
import { detailJob, retryTarget } from '../../web/js/state/detail.js';
import { actionWords } from '../../web/js/views/job-detail.js';
import { NOW, begin, holding, play, wireJob } from './support.js';

const failed = (id, fields) => wireJob({ id, status: 'failed', attempt: 2, completed_at: NOW, ...fields });
const chain = (end) => [
  failed('d1', { escalated_to: 'd2' }), failed('d2', { escalated_from: 'd1', escalated_to: 'd3' }),
  wireJob({ id: 'd3', type: 'expert', escalated_from: 'd2', ...end }),
];
const targetOf = (state, id) => retryTarget(state.collection.jobs.get({ id }), state)?.id ?? null;

test('a retry goes to the last of the chain, and is offered where that can be retried', () => {
  const dead = holding(chain({ status: 'failed', attempt: 4, completed_at: NOW }));
  assert.deepEqual(['d1', 'd2', 'd3'].map((id) => targetOf(dead, id)), ['d3', 'd3', 'd3']);
  const job = (id) => dead.collection.jobs.get({ id });
  assert.equal(actionWords(job('d1'), dead),
    'Retry puts expert d3, the last that took over, back into the queue; the next attempt is number 5, '
    + 'counts start anew.');
  assert.match(actionWords(job('d3'), dead), /^Retry puts it back into the queue; the next attempt is number 5,/);
  for (const status of ['running', 'completed', 'pending']) {
    const state = holding(chain({ status, attempt: 1 }));
    assert.deepEqual(['d1', 'd2', 'd3'].map((id) => targetOf(state, id)), [null, null, null], status);
    assert.equal(actionWords(state.collection.jobs.get({ id: 'd1' }), state), null);
  }
});

test('what the list does not have is read; of what was removed the job before it is the last', () => {
  const [first, second, third] = chain({ status: 'failed' });
  let state = play(holding([first], begin({ selected: 'd1' })));
  assert.equal(targetOf(state, 'd1'), null, 'not known yet');
  const read = (after) => play(state, { type: 'detail_read', job: first, after, asked: state.clock });
  assert.equal(targetOf(read([second, third]), 'd1'), 'd3');
  assert.equal(targetOf(read([second, { id: 'd3', gone: true }]), 'd1'), 'd2');
  state = read([second, third]);
  assert.equal(detailJob(state).id, 'd1');
  state = play(holding(chain({ status: 'failed' })), { type: 'jobs_removed', job_ids: ['d3'] });
  assert.equal(targetOf(state, 'd1'), 'd2');
});

test('the notice names the job that runs again', async (t) => {
  t.mock.method(globalThis, 'setTimeout', () => 0);
  const jobs = chain({ status: 'failed' });
  const store = createStore(reduce, holding(jobs));
  const api = { retry: async () => ({ ...jobs[2], status: 'pending' }) };
  const actions = createActions({ store, api, focus: {}, socket: {}, navigate() {}, onSignedIn() {} });
  await actions.retryJob('d1');
  await actions.retryJob('d3');
  assert.deepEqual(store.state.notices.map(({ text, jobID }) => [text, jobID]).sort(),
    [['d3 is back in the queue', null], ['expert d3, which took over, is back in the queue', 'd3']]);
});
