import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { initialState, reduce } from '../../web/js/state/reducer.js';
import { inStatus, narrowTest } from '../../web/js/state/filter.js';
import { compareKeys, retriesUsed } from '../../web/js/state/job.js';
import { NOW, begin, checkCollection, holding, jobOf, play, shownIDs, stats, wireJob } from './support.js';

const check = (state) => checkCollection(state, { compareKeys, inStatus, narrowTest });

test('the state holds what the server says, running first, then waiting, then ended, newest first', () => {
  const jobs = [
    wireJob({ id: 'old-end', status: 'completed', completed_at: NOW + 1 }), wireJob({ id: 'new-end', status: 'failed',
      completed_at: NOW + 9 }),
    wireJob({ id: 'waits-1' }), wireJob({ id: 'waits-2', status: 'retrying' }), wireJob({ id: 'waits-3',
      status: 'scheduled' }),
    wireJob({ id: 'runs-1', status: 'running', started_at: NOW + 1 }), wireJob({ id: 'runs-2', status: 'running',
      started_at: NOW + 2 }),
  ];
  const state = holding(jobs);
  assert.deepEqual(shownIDs(state), ['runs-2', 'runs-1', 'waits-3', 'waits-2', 'waits-1', 'new-end', 'old-end']);
  assert.equal(state.loaded, true);
  check(state);
});

test('a job goes through its life by events', () => {
  const job = wireJob({ id: 'a' });
  let state = play(holding([]), { type: 'job_created', job });
  assert.equal(jobOf(state, 'a').status, 'pending');
  state = play(state, { type: 'job_started', job_id: 'a', started_at: NOW + 5, attempt: 1, worker_id: 'w' });
  assert.equal(jobOf(state, 'a').status, 'running');
  assert.equal(jobOf(state, 'a').worker_id, 'w');
  state = play(state, { type: 'job_progress', job_id: 'a', percent: 130, message: 'much' });
  assert.deepEqual(jobOf(state, 'a').progress, { percent: 100, message: 'much' });
  const error = { type: 'timeout', message: 'too long', attempt: 1 };
  state = play(state, { type: 'job_retrying', job_id: 'a', attempt: 1, retry_count: 1, next_retry_at: NOW + 9, error });
  assert.equal(jobOf(state, 'a').status, 'retrying');
  assert.equal(jobOf(state, 'a').next_retry_at, NOW + 9);
  assert.equal(jobOf(state, 'a').error.message, 'too long');
  state = play(state, { type: 'job_started', job_id: 'a', started_at: NOW + 9, attempt: 2, worker_id: 'w' });
  assert.equal(jobOf(state, 'a').progress, null, 'progress starts anew');
  state = play(state, { type: 'job_completed', job_id: 'a', result: 1, completed_at: NOW + 12, duration_seconds: 3,
    attempt: 2 });
  assert.equal(jobOf(state, 'a').status, 'completed');
  assert.equal(jobOf(state, 'a').duration_seconds, 3);
  assert.equal(jobOf(state, 'a').error, null);
  check(state);
});

test('failed and cancelled end a job, job_changed brings it back', () => {
  const state = play(
    holding([wireJob({ id: 'a', status: 'running', attempt: 4, started_at: NOW }), wireJob({ id: 'b' })]),
    { type: 'job_failed', job_id: 'a', error: { type: 'handler', message: 'no', attempt: 4 }, completed_at: NOW + 2,
      attempt: 4 },
    { type: 'job_cancelled', job_id: 'b', completed_at: NOW + 3, cancelled_by: 'ann' });
  assert.equal(jobOf(state, 'a').error.message, 'no');
  assert.equal(jobOf(state, 'b').cancelled_by, 'ann');
  const again = play(state, { type: 'job_changed', job: wireJob({ id: 'a', status: 'pending', attempt: 4 }) });
  assert.equal(jobOf(again, 'a').status, 'pending');
  assert.deepEqual(again.collection.counts, { running: 0, pending: 1, failed: 0, cancelled: 1 });
  check(again);
});

test('an event never changes the state before it', () => {
  const before = holding([wireJob({ id: 'a' }), wireJob({ id: 'b' })]);
  const ids = shownIDs(before);
  const job = jobOf(before, 'a');
  const copy = JSON.stringify(job);
  play(before, { type: 'job_started', job_id: 'a', started_at: NOW + 1, attempt: 1 }, { type: 'jobs_removed',
    job_ids: ['b'] });
  assert.deepEqual(shownIDs(before), ids);
  assert.equal(jobOf(before, 'a'), job);
  assert.equal(JSON.stringify(job), copy);
});

test('an unknown event and a stale one leave the very same state', () => {
  const state = holding([wireJob({ id: 'a', status: 'completed', attempt: 2, completed_at: NOW })]);
  assert.equal(reduce(state, { type: 'pong' }), state);
  assert.equal(reduce(state, { type: 'job_progress', job_id: 'a', percent: 5, message: '' }), state);
  assert.equal(reduce(state, { type: 'job_started', job_id: 'a', started_at: NOW, attempt: 2 }), state);
  assert.equal(reduce(state, { type: 'job_failed', job_id: 'a', attempt: 1, error: null }), state);
  assert.equal(reduce(state, { type: 'job_retrying', job_id: 'a', attempt: 1, error: null }), state);
});

const recorded = JSON.parse(readFileSync(new URL('./recorded-events.json', import.meta.url), 'utf8'));
const essence = (state) => state.collection.order.slice().map(({ id }) => {
  const job = jobOf(state, id);
  const { status, attempt, completed_at: end, cancelled_by: by, error } = job;
  return { id, status, attempt, retries: retriesUsed(job), end, by: by ?? null, error };
});

test('recorded events of a real server end in the state that the server then sends', () => {
  const last = recorded.findLastIndex(({ type }) => type === 'queue_state');
  const lived = play(begin(), ...recorded.slice(0, last));
  const told = play(begin(), recorded[last]);
  assert.deepEqual(essence(lived), essence(told));
  assert.ok(told.collection.jobs.size >= 3);
  check(lived);
});

test('recorded events after a state that has them already change nothing in the end', () => {
  const last = recorded.findLastIndex(({ type }) => type === 'queue_state');
  const told = play(begin(), recorded[last]);
  const replayed = play(told, ...recorded.slice(1, last));
  assert.deepEqual(essence(replayed), essence(told));
  const twice = play(begin(), ...recorded.slice(0, last), ...recorded.slice(1, last));
  assert.deepEqual(essence(twice), essence(told));
  check(twice);
});

test('every recorded event twice in a row is as good as once', () => {
  const doubled = recorded.flatMap((event) => [event, event]);
  assert.deepEqual(essence(play(begin(), ...doubled)), essence(play(begin(), ...recorded)));
});

test('a new queue_state without more replaces all', () => {
  const state = play(holding([wireJob({ id: 'a' }), wireJob({ id: 'b' })]),
    { type: 'queue_state', jobs: [wireJob({ id: 'c' })], stats: stats({ pending: 1 }), has_more: false });
  assert.deepEqual(shownIDs(state), ['c']);
  check(state);
});

test('a whole state stands against answers that were asked for before it', () => {
  const a = wireJob({ id: 'a' });
  const b = wireJob({ id: 'b' });
  let state = play(begin(), { type: 'queue_state', jobs: [a], stats: stats({ pending: 2 }), has_more: true },
    { type: 'sweep_started', number: 1 });
  const asked = state.clock;
  state = play(state, { type: 'jobs_removed', job_ids: ['a'] },
    { type: 'queue_state', jobs: [], stats: stats(), has_more: false });
  const { filter } = state.collection;
  const late = play(state, { type: 'page_read', number: 1, jobs: [a, b], asked }, { type: 'job_read', job: a, asked },
    { type: 'job_read', job: b, asked }, { type: 'jobs_found', jobs: [a, b], asked, filter },
    { type: 'sweep_ended', number: 1, until: NOW, complete: true });
  assert.deepEqual(shownIDs(late), []);
  assert.equal(late.sweep.partial, false);
  assert.equal(play(late, { type: 'job_progress', job_id: 'a', percent: 1, message: '' }).unread.size, 0,
    'it is still known to be removed');
  const next = play(late, { type: 'sweep_started', number: 2 },
    { type: 'page_read', number: 2, jobs: [b], asked: state.clock });
  assert.deepEqual(shownIDs(next), ['b'], 'what is asked for afterwards counts');
  assert.deepEqual(shownIDs(play(late, { type: 'queue_state', jobs: [a], stats: stats({ pending: 1 }) })), ['a']);
  check(next);
});

test('a queue_state with more keeps older jobs, but none that it contradicts', () => {
  const before = holding([
    wireJob({ id: 'ran', status: 'running', started_at: NOW }), wireJob({ id: 'old', status: 'completed',
      completed_at: NOW }),
  ]);
  const state = play(before, {
    type: 'queue_state', jobs: [wireJob({ id: 'runs', status: 'running', started_at: NOW + 5 })],
    stats: stats({ running: 1, completed: 900 }), has_more: true,
  });
  assert.deepEqual(shownIDs(state), ['runs', 'old'], 'all running jobs were in the state, so this one runs no more');
  assert.equal(state.hasMore, true);
  check(state);
});

test('pages fill up what the state left out, and lose against what came meanwhile', () => {
  let state = play(begin(), {
    type: 'queue_state', jobs: [wireJob({ id: 'a' })], stats: stats({ pending: 3 }), has_more: true,
  }, { type: 'sweep_started', number: 1 });
  const asked = state.clock;
  state = play(state, { type: 'job_started', job_id: 'a', started_at: NOW + 1, attempt: 1 }, { type: 'jobs_removed',
    job_ids: ['c'] });
  state = play(state, { type: 'page_read', number: 1, asked, jobs: [wireJob({ id: 'a' }), wireJob({ id: 'b' }),
    wireJob({ id: 'c' })] });
  assert.equal(jobOf(state, 'a').status, 'running', 'the page is older than the event');
  assert.ok(jobOf(state, 'b'));
  assert.equal(jobOf(state, 'c'), undefined, 'removed meanwhile');
  state = play(state, { type: 'sweep_ended', number: 1, until: 0, complete: true });
  assert.deepEqual(shownIDs(state), ['a', 'b']);
  assert.equal(reduce(state, { type: 'page_read', number: 0, asked: 99, jobs: [wireJob()] }), state,
    'of an earlier load');
  check(state);
});

test('what a whole load did not find is gone, unless it is newer than the load', () => {
  let state = play(holding([wireJob({ id: 'lost' }), wireJob({ id: 'kept' })]), { type: 'sweep_started', number: 1 });
  state = play(state, { type: 'queue_state', jobs: [], stats: stats({ pending: 600 }), has_more: true });
  const asked = state.clock;
  state = play(state, { type: 'sweep_started', number: 2 }, { type: 'page_read', number: 2, asked,
    jobs: [wireJob({ id: 'kept' })] },
    { type: 'job_created', job: wireJob({ id: 'new' }) }, { type: 'sweep_ended', number: 2, until: 0, complete: true });
  assert.deepEqual(shownIDs(state).sort(), ['kept', 'new']);
  check(state);
});

test('removed jobs stay away: late events and late answers do not bring them back', () => {
  let state = holding([wireJob({ id: 'a' }), wireJob({ id: 'b' })]);
  const asked = state.clock;
  state = play(state, { type: 'jobs_removed', job_ids: ['a'] },
    { type: 'job_progress', job_id: 'a', percent: 1, message: '' },
    { type: 'job_completed', job_id: 'a', completed_at: NOW, attempt: 1 },
    { type: 'job_read', job: wireJob({ id: 'a' }), asked },
    { type: 'jobs_found', jobs: [wireJob({ id: 'a' })], asked, filter: state.collection.filter });
  assert.deepEqual(shownIDs(state), ['b']);
  assert.equal(state.unread.size, 0, 'nor is it asked for');
  state = play(state, { type: 'job_created', job: wireJob({ id: 'a' }) });
  assert.equal(shownIDs(state).length, 2, 'a new job may have the id again');
  check(state);
});

test('an event of a job that the page does not hold makes it ask for the job', () => {
  const state = play(holding([]), { type: 'job_started', job_id: 'far', started_at: NOW, attempt: 1 });
  assert.deepEqual(state.unread.slice().map(({ id }) => id), ['far']);
  const read = play(state, { type: 'job_read', job: wireJob({ id: 'far', status: 'running', started_at: NOW }),
    asked: state.clock });
  assert.equal(read.unread.size, 0);
  assert.deepEqual(shownIDs(read), ['far']);
  assert.equal(play(state, { type: 'job_missing', id: 'far' }).unread.size, 0);
});

test('an event while a job is read that the page does not hold makes it read the job again', () => {
  let state = play(holding([]), { type: 'job_started', job_id: 'far', started_at: NOW, attempt: 1 });
  const asked = state.clock;
  state = play(state, { type: 'job_completed', job_id: 'far', completed_at: NOW + 1, attempt: 1 });
  assert.ok(state.clock > asked);
  const job = wireJob({ id: 'far', status: 'running', started_at: NOW, attempt: 1 });
  state = play(state, { type: 'job_read', job, asked });
  assert.equal(jobOf(state, 'far').status, 'running');
  assert.equal(state.unread.size, 1, 'the answer is older than the end');
  const entry = { id: 'far', type: 'countdown', status: 'running', attempt: 1, started_at: NOW, completed_at: null };
  state = play(state, { type: 'statuses_read', statuses: [entry], asked });
  assert.equal(state.unread.size, 1, 'and so is this one');
  state = play(state, { type: 'statuses_read', asked: state.clock,
    statuses: [{ ...entry, status: 'completed', completed_at: NOW + 1 }] });
  assert.equal(jobOf(state, 'far').status, 'completed');
  assert.equal(state.unread.size, 0);
  check(state);
});

test('changed asks for the state and for the ids; statuses answer', () => {
  let state = play(holding([wireJob({ id: 'a' }), wireJob({ id: 'b' })]), { type: 'changed', job_ids: ['a', 'b'] });
  assert.equal(state.stateWanted, 1);
  assert.equal(state.unread.size, 2);
  const statuses = [
    { id: 'a', status: 'completed', progress: { percent: 100, message: '' }, attempt: 1, retry_count: 0,
      type: 'countdown', started_at: NOW, completed_at: NOW + 2, next_retry_at: null, error: null },
    { id: 'b', status: 'not_found', progress: null, attempt: 0, retry_count: 0, type: null, started_at: null,
      completed_at: null, next_retry_at: null, error: null },
  ];
  state = play(state, { type: 'statuses_read', statuses, asked: state.clock });
  assert.deepEqual(shownIDs(state), ['a']);
  assert.equal(jobOf(state, 'a').duration_seconds, 2);
  assert.equal(state.unread.size, 0);
  check(state);
});

test('filter and search select, and go on with the events', () => {
  let state = holding([
    wireJob({ id: 'a', type: 'prime', tags: { team: 'Video' } }), wireJob({ id: 'b', status: 'running',
      started_at: NOW }),
    wireJob({ id: 'c', type: 'prime', status: 'failed', completed_at: NOW, error: { type: 'handler',
      message: 'Disk FULL', attempt: 1 } }),
  ]);
  state = play(state, { type: 'filtered', filter: { type: 'prime' } });
  assert.deepEqual(shownIDs(state), ['a', 'c']);
  assert.deepEqual(state.collection.matching, { pending: 1, failed: 1 });
  assert.deepEqual(shownIDs(play(state, { type: 'filtered', filter: { q: 'disk full' } })), ['c']);
  assert.deepEqual(shownIDs(play(state, { type: 'filtered', filter: { type: '', q: 'team:video' } })), ['a']);
  state = play(state, { type: 'filtered', filter: { status: 'waiting' } });
  assert.deepEqual(shownIDs(state), ['a']);
  state = play(state, { type: 'job_created', job: wireJob({ id: 'd', type: 'prime' }) },
    { type: 'job_created', job: wireJob({ id: 'e' }) }, { type: 'job_started', job_id: 'a', started_at: NOW + 9,
      attempt: 1 });
  assert.deepEqual(shownIDs(state), ['d']);
  check(state);
  assert.equal(play(state, { type: 'filtered', filter: { status: 'nonsense', type: '' } }).collection.shown.size, 5);
});

test('the chosen job: read whole, marked when it moved, and gone when it was removed', () => {
  let state = play(holding([wireJob({ id: 'a' })]), { type: 'selected', id: 'a' });
  assert.equal(state.detail.id, 'a');
  state = play(state, { type: 'detail_read', job: wireJob({ id: 'a' }), asked: state.clock }, { type: 'history_read',
    id: 'a', history: [] });
  assert.deepEqual(state.detail.whole.params, { seconds: 10 });
  const { stale } = state.detail;
  state = play(state, { type: 'job_started', job_id: 'a', started_at: NOW, attempt: 1 });
  assert.equal(state.detail.stale, stale + 1);
  state = play(state, { type: 'job_progress', job_id: 'a', percent: 1, message: '' });
  assert.equal(state.detail.stale, stale + 1, 'progress needs no reading');
  state = play(state, { type: 'jobs_removed', job_ids: ['a'] });
  assert.equal(state.detail.gone, true);
  assert.equal(play(state, { type: 'selected', id: null }).detail, null);
  assert.equal(play(state, { type: 'history_read', id: 'other', history: [1] }), state);
});

test('points: one a second, five minutes, only while connected', () => {
  let state = play(begin(), { type: 'connection', connection: { state: 'open' } }, { type: 'queue_state', jobs: [],
    stats: stats({ running: 2, pending: 3, blocked: 1 }) });
  for (let second = 1; second <= 400; second += 1) {
    state = play(state, { type: 'tick', now: NOW + second }, { type: 'tick', now: NOW + second + 0.5 });
  }
  assert.equal(state.samples.length, 300);
  assert.deepEqual(state.samples[299], { at: NOW + 400, throughput: 0, waiting: 4, running: 2 });
  const lost = play(state, { type: 'connection', connection: { state: 'reconnecting' } }, { type: 'tick',
    now: NOW + 401 });
  assert.equal(lost.samples, state.samples);
  assert.equal(play(state, { type: 'tick', now: NOW }), state, 'time does not go back');
});

test('the points before the page was opened come from the jobs', () => {
  const jobs = [
    wireJob({ created_at: NOW - 100, started_at: NOW - 90, completed_at: NOW - 50, status: 'completed' }),
    wireJob({ created_at: NOW - 60, started_at: NOW - 20, status: 'running' }),
  ];
  const { samples } = play(begin(), { type: 'queue_state', jobs, stats: stats({ running: 1, completed: 1 }) });
  const at = (time) => samples.find((sample) => sample.at === time);
  assert.deepEqual([at(NOW - 95).waiting, at(NOW - 95).running], [1, 0]);
  assert.deepEqual([at(NOW - 55).waiting, at(NOW - 55).running], [1, 1]);
  assert.deepEqual([at(NOW).waiting, at(NOW).running], [0, 1]);
  assert.equal(at(NOW - 45).throughput, 0.1);
  assert.equal(at(NOW - 30).throughput, 0);
});

test('notices and their number are bounded; dialogs, forms and sessions are kept', () => {
  let state = begin();
  for (let id = 1; id <= 20; id += 1) state = play(state, { type: 'notice_shown', notice: { id, kind: 'info',
    text: 'x' } });
  assert.deepEqual(state.notices.map(({ id }) => id), [20, 19, 18]);
  state = play(state, { type: 'notice_gone', id: 18 }, { type: 'unauthorized' });
  assert.equal(state.dialog, 'sign-in');
  state = play(state, { type: 'session_read', session: { read_only: true } });
  assert.equal(state.dialog, null);
  state = play(state, { type: 'form_opened', jobType: 'prime' }, { type: 'form_sending' }, { type: 'form_refused',
    faults: { limit: 'no' }, message: '' });
  assert.deepEqual([state.form.type, state.form.busy, state.form.faults], ['prime', false, { limit: 'no' }]);
});

test('initial state from a deep link', () => {
  const state = initialState({ now: 1, filter: { status: 'failed', type: 'x', q: 'y' }, selected: 'id' });
  assert.deepEqual(state.collection.filter, { status: 'failed', type: 'x', q: 'y' });
  assert.equal(state.detail.id, 'id');
});
