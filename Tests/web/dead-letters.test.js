import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createDeadActions, deadWords } from '../../web/js/dead-actions.js';
import { createWorkerActions } from '../../web/js/worker-actions.js';
import { Refusal } from '../../web/js/live/api.js';
import { KEEP_DEAD, NO_DEAD_FILTER, deadBody, deadQuery } from '../../web/js/state/dead-letters.js';
import { createStore } from '../../web/js/state/store.js';
import { initialState, reduce } from '../../web/js/state/reducer.js';
import { attemptsOf, lifeOf } from '../../web/js/text/life.js';
import { NOW, begin, holding, jobOf, play, wireJob } from './support.js';

const error = { type: 'timeout', message: 'too long', attempt: 1 };
const deadJob = (id) => wireJob({ id, status: 'failed', attempt: 1, completed_at: NOW, error });
const group = { type: 'countdown', error: 'timeout', count: 2, oldest: NOW - 9, newest: NOW, message: 'too long' };
const answer = (...ids) => ({ total: ids.length, groups: ids.length ? [group] : [], jobs: ids.map(deadJob), next: null });
const withFilter = (filter) => ({ ...NO_DEAD_FILTER, ...filter });

test('a filter asks the server the same everywhere', () => {
  assert.equal(deadQuery(NO_DEAD_FILTER).toString(), '');
  assert.deepEqual(deadBody(NO_DEAD_FILTER), { all: true });
  const filter = withFilter({ type: 'prime', error: 'timeout', q: ' disk full ' });
  assert.equal(deadQuery(filter).toString(), 'type=prime&error=timeout&q=disk+full');
  assert.deepEqual(deadBody(filter), { filter: { type: 'prime', error: 'timeout', q: 'disk full' } });
  assert.equal(deadWords(NO_DEAD_FILTER), 'all dead letters');
  assert.equal(deadWords(filter), 'prime jobs that failed with timeout in which “disk full” is found');
  assert.deepEqual(deadBody(withFilter({ q: '  ' })), { all: true });
});

test('what was read for another filter is not shown', () => {
  let state = play(begin(), { type: 'dead_read', filter: NO_DEAD_FILTER, ...answer('a', 'b') });
  assert.equal(state.dead.total, 2);
  assert.equal('params' in state.dead.jobs[0], false);
  state = play(state, { type: 'dead_filtered', filter: { type: 'prime' } });
  assert.deepEqual([state.dead.total, state.dead.jobs], [null, []]);
  assert.equal(play(state, { type: 'dead_read', filter: NO_DEAD_FILTER, ...answer('a') }), state);
  assert.equal(play(state, { type: 'dead_failed', filter: NO_DEAD_FILTER, message: 'no' }), state);
  state = play(state, { type: 'dead_failed', filter: withFilter({ type: 'prime' }), message: 'no' });
  assert.equal(state.dead.fault, 'no');
  state = play(state, { type: 'dead_read', filter: withFilter({ type: 'prime' }), ...answer() });
  assert.deepEqual([state.dead.total, state.dead.fault], [0, null]);
  assert.equal(play(state, { type: 'dead_filtered', filter: { type: 'prime' } }), state);
});

test('more jobs follow, each once, up to a bound', () => {
  let state = play(begin(), { type: 'dead_read', filter: NO_DEAD_FILTER, ...answer('a', 'b'), next: '/next' });
  state = play(state, { type: 'dead_more', filter: NO_DEAD_FILTER, jobs: [deadJob('b'), deadJob('c')], next: null });
  assert.deepEqual(state.dead.jobs.map(({ id }) => id), ['a', 'b', 'c']);
  assert.equal(state.dead.next, null);
  const many = Array.from({ length: KEEP_DEAD + 5 }, (_, place) => deadJob(`m${place}`));
  state = play(state, { type: 'dead_more', filter: NO_DEAD_FILTER, jobs: many, next: 'x' });
  assert.equal(state.dead.jobs.length, KEEP_DEAD);
});

test('events that may change the list make it stale, progress does not', () => {
  const state = holding([wireJob({ id: 'a', status: 'running', started_at: NOW, attempt: 1 })]);
  const { stale } = state.dead;
  assert.equal(play(state, { type: 'job_progress', job_id: 'a', percent: 5, message: '' }).dead.stale, stale);
  let next = play(state,
    { type: 'job_failed', job_id: 'a', error, completed_at: NOW + 1, attempt: 1, escalated_to: 'b' });
  assert.equal(next.dead.stale, stale + 1);
  assert.equal(jobOf(next, 'a').escalated_to, 'b');
  next = play(next, { type: 'job_changed', job: wireJob({ id: 'a' }) }, { type: 'jobs_removed', job_ids: ['a'] });
  assert.equal(next.dead.stale, stale + 3);
});

test('a page and its filter come from the address', () => {
  const state = initialState({ view: 'dead-letters', selected: 'x', dead: withFilter({ error: 'poison' }) });
  assert.deepEqual([state.view, state.dead.filter.error, state.output.id], ['dead-letters', 'poison', 'x']);
  assert.equal(play(state, { type: 'viewed', view: 'workers' }).view, 'workers');
  assert.equal(play(state, { type: 'viewed', view: 'dead-letters' }), state);
});

/** Actions over a stubbed server. */
function acting(api, state = begin()) {
  const store = createStore(reduce, state);
  const notices = [];
  const attempt = async (work) => {
    try {
      return await work();
    } catch (refusal) {
      notices.push(['error', refusal.message]);
      return undefined;
    }
  };
  const common = { store, api, navigate() {}, focus: { title() {}, afterQuestion() {} }, attempt, reader: { hurry() {} },
    notice: (kind, text) => notices.push([kind, text]) };
  return { store, notices, actions: { ...createDeadActions(common), ...createWorkerActions(common) } };
}

test('requeueing many asks the server, then the person, then does it', async () => {
  const bodies = [];
  const { store, notices, actions } = acting({ async requeueDead(body) {
    bodies.push(body);
    return { requeued: 12, dry_run: body.dry_run ?? false };
  } });
  await actions.requeueDead(withFilter({ type: 'prime', error: 'timeout' }));
  const { question } = store.state.dialog;
  assert.equal(question.title, 'Requeue 12 jobs?');
  assert.match(question.text, /^This would requeue 12 jobs: prime jobs that failed with timeout\./);
  assert.equal(question.kind, 'primary');
  assert.deepEqual(bodies, [{ filter: { type: 'prime', error: 'timeout' }, dry_run: true }]);
  const { stale } = store.state.dead;
  await question.act();
  assert.deepEqual(bodies[1], { filter: { type: 'prime', error: 'timeout' } });
  assert.deepEqual(notices, [['done', '12 jobs are back in the queue']]);
  assert.deepEqual([store.state.dead.act, store.state.dead.stale > stale], [null, true]);
});

test('jobs of types that are closed to the page are left, and that is said', async () => {
  const skipped = { prime: 3, exec: 1 };
  const { store, notices, actions } = acting({ async requeueDead({ filter }) {
    return { requeued: filter.type === 'exec' ? 0 : 12, skipped: skipped[filter.type] };
  } });
  await actions.requeueDead(withFilter({ type: 'prime' }));
  const { question } = store.state.dialog;
  assert.equal(question.title, 'Requeue 12 jobs?');
  assert.match(question.text, /stays\. 3 jobs of types that are closed to this page stay here\.$/);
  await question.act();
  store.dispatch({ type: 'dialog_closed' });
  await actions.requeueDead(withFilter({ type: 'exec' }));
  assert.equal(store.state.dialog, null);
  assert.deepEqual(notices, [
    ['done', '12 jobs are back in the queue; 3 jobs of types that are closed to this page stay here'],
    ['info', '1 job of types that are closed to this page stays here'],
  ]);
});

test('removing many asks likewise; nothing to do and refusals are said', async () => {
  const queries = [];
  const { store, notices, actions } = acting({ async purgeDead(query) {
    queries.push(query);
    if (query.startsWith('type=gone')) return { removed: 0 };
    if (query.startsWith('type=no')) throw new Refusal('not allowed', { code: 403 });
    return { removed: 1 };
  } });
  await actions.purgeDead(NO_DEAD_FILTER);
  assert.match(store.state.dialog.question.text, /^This would remove 1 job: all dead letters\..*not be undone/);
  await store.state.dialog.question.act();
  store.dispatch({ type: 'dialog_closed' });
  await actions.purgeDead(withFilter({ type: 'gone' }));
  await actions.purgeDead(withFilter({ type: 'no' }));
  assert.equal(store.state.dialog, null);
  assert.deepEqual(queries, ['all=true&dry_run=true', 'all=true', 'type=gone&dry_run=true', 'type=no&dry_run=true']);
  assert.deepEqual(notices,
    [['done', '1 job removed'], ['info', 'No dead letter matches any more'], ['error', 'not allowed']]);
});

test('a token that may only read asks for nothing', async () => {
  const state = play(begin(), { type: 'session_read', session: { read_only: true } });
  const { store, actions } = acting({}, state);
  await actions.requeueDead(NO_DEAD_FILTER);
  await actions.purgeDead(NO_DEAD_FILTER);
  await actions.setWorkerCount('3');
  await actions.addWorkers(1);
  assert.equal(store.state.dialog, null);
  assert.equal(store.state.workers.countFault, null);
});

test('attempts of the jobs before it come first, its life is its own', () => {
  const past = (attempt, job, at) => ({ event: 'failed', status: 'failed', job_id: job, attempt, at, started_at: at - 1,
    ended_at: at, worker_id: 'w', error });
  const job = wireJob(
    { id: 'b', status: 'running', attempt: 2, started_at: NOW + 9, created_at: NOW, escalated_from: 'a' });
  const history = [past(1, 'a', NOW - 5), past(2, 'a', NOW - 1),
    { event: 'submitted', status: 'pending', job_id: 'b', attempt: 0, at: NOW }, past(1, 'b', NOW + 4)];
  assert.deepEqual(attemptsOf(job, history).map(({ attempt, job: other }) => [attempt, other]),
    [[1, 'a'], [2, 'a'], [1, null], [2, null]]);
  const words = lifeOf(job, history).filter(({ kind }) => kind === 'attempt').map(({ word }) => word);
  assert.deepEqual(words, ['Attempt 1', 'Attempt 2']);
});
