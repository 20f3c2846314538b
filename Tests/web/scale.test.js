import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { KEEP } from '../../web/js/state/collection.js';
import { inStatus, narrowTest } from '../../web/js/state/filter.js';
import { compareIds, compareKeys } from '../../web/js/state/job.js';
import { reduce } from '../../web/js/state/reducer.js';
import { Tree } from '../../web/js/state/tree.js';
import { NOW, begin, checkCollection, jobOf, play, stats, wireJob } from './support.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc');

/** A generator of numbers in [0, 1), the same each time. */
function numbers(seed) {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return state / 4_294_967_296;
  };
}

test('a tree does what a sorted array does, and never changes', () => {
  const random = numbers(7);
  let tree = new Tree(compareIds);
  let array = [];
  for (let step = 0; step < 4000; step += 1) {
    const item = { id: `k${Math.floor(random() * 600)}` };
    const before = tree;
    const size = before.size;
    if (random() < 0.55) {
      tree = tree.add(item);
      array = [...array.filter(({ id }) => id !== item.id), item].sort(compareIds);
    } else {
      tree = tree.remove(item);
      array = array.filter(({ id }) => id !== item.id);
    }
    assert.equal(before.size, size);
    if (step % 97 === 0) {
      assert.deepEqual(tree.slice().map(({ id }) => id), array.map(({ id }) => id));
      assert.deepEqual(tree.slice(3, 9).map(({ id }) => id), array.slice(3, 9).map(({ id }) => id));
      array.forEach((entry, index) => assert.equal(tree.indexOf(entry), index));
      assert.equal(tree.at(5)?.id, array[5]?.id);
      assert.equal(tree.last()?.id, array[array.length - 1]?.id);
    }
  }
  const depth = (node) => (node === null ? 0 : 1 + Math.max(depth(node.left), depth(node.right)));
  assert.ok(depth(Tree.from(Array.from({ length: 10_000 }, (_, index) => ({ id: index })), (a, b) =>
    a.id - b.id).root) <= 14);
});

/** 10,000 jobs, then `count` events as a busy server sends them. */
function* busy(random, jobs, count) {
  const ids = jobs.map(({ id }) => id);
  for (let step = 0; step < count; step += 1) {
    const id = ids[Math.floor(random() * ids.length)];
    const kind = random();
    const at = NOW + 100 + step / 100;
    const attempt = 1 + Math.floor(step / 10_000);
    if (kind < 0.1) {
      const job = wireJob({ id: `new-${step}` });
      ids[Math.floor(random() * ids.length)] = job.id;
      yield { type: 'job_created', job };
    } else if (kind < 0.3) yield { type: 'job_started', job_id: id, started_at: at, attempt, worker_id: 'w' };
    else if (kind < 0.7) yield { type: 'job_progress', job_id: id, percent: random() * 100, message: 'at work' };
    else if (kind < 0.85) yield { type: 'job_completed', job_id: id, completed_at: at, duration_seconds: 1, attempt };
    else if (kind < 0.9) yield { type: 'job_failed', job_id: id, completed_at: at, attempt, error: { type: 'handler',
      message: 'no', attempt } };
    else if (kind < 0.93) yield { type: 'job_retrying', job_id: id, attempt, retry_count: 1, next_retry_at: at + 5,
      error: { type: 'handler', message: 'no', attempt } };
    else if (kind < 0.96) yield { type: 'jobs_removed', job_ids: [id] };
    else if (kind < 0.98) yield { type: 'changed', job_ids: [id] };
    else yield { type: 'tick', now: at };
  }
}

test('10,000 jobs and 50,000 events: in order at the end, and memory does not grow', () => {
  const jobs = Array.from({ length: KEEP }, () => wireJob());
  let state = play(begin(), { type: 'connection', connection: { state: 'open' } }, { type: 'queue_state', jobs,
    stats: stats({ pending: KEEP }) },
    { type: 'filtered', filter: { q: 'count' } });
  const random = numbers(3);
  const run = () => {
    for (const event of busy(random, jobs, 25_000)) state = reduce(state, event);
    collectGarbage();
    return process.memoryUsage().heapUsed;
  };
  const middle = run();
  const end = run();
  checkCollection(state, { compareKeys, inStatus, narrowTest });
  assert.ok(state.collection.jobs.size <= KEEP);
  assert.ok(state.samples.length <= 300);
  assert.ok(state.unread.size <= 1000);
  assert.ok(end - middle < 8e6, `grew by ${((end - middle) / 1e6).toFixed(1)} MB`);
});

test('what is beyond 10,000 goes from the end of the list', () => {
  const jobs = Array.from({ length: KEEP + 500 }, (_, index) => wireJob({ status: 'completed',
    completed_at: NOW + index }));
  let state = play(begin(), { type: 'queue_state', jobs, stats: stats({ completed: jobs.length }), has_more: true });
  assert.equal(state.collection.jobs.size, KEEP);
  assert.equal(jobOf(state, jobs[0].id), undefined);
  assert.ok(jobOf(state, jobs[jobs.length - 1].id));
  // Older ones that a search found stay while it is there.
  state = play(state, { type: 'filtered', filter: { status: 'completed' } });
  const found = jobs.slice(0, 100);
  state = play(state, { type: 'jobs_found', jobs: found, asked: state.clock, filter: state.collection.filter });
  assert.equal(state.collection.jobs.size, KEEP + 100);
  assert.ok(jobOf(state, found[0].id));
  state = play(state, { type: 'filtered', filter: { status: 'all' } });
  assert.equal(state.collection.jobs.size, KEEP);
  checkCollection(state, { compareKeys, inStatus, narrowTest });
});

test('an event shares all but a few nodes with the state before', () => {
  const jobs = Array.from({ length: KEEP }, () => wireJob());
  const before = play(begin(), { type: 'queue_state', jobs, stats: stats({ pending: KEEP }) });
  const after = play(before, { type: 'job_started', job_id: jobs[5000].id, started_at: NOW, attempt: 1 });
  const nodes = new Set();
  const gather = (node) => {
    if (node === null) return;
    nodes.add(node);
    gather(node.left);
    gather(node.right);
  };
  gather(before.collection.jobs.root);
  gather(before.collection.order.root);
  let fresh = 0;
  const count = (node) => {
    if (node === null || nodes.has(node)) return;
    fresh += 1;
    count(node.left);
    count(node.right);
  };
  count(after.collection.jobs.root);
  count(after.collection.order.root);
  assert.ok(fresh < 80, `${fresh} new nodes`);
});

test('the page knows up to which time it may not hold all jobs', () => {
  const jobs = Array.from({ length: KEEP + 20 }, (_, index) =>
    wireJob({ status: 'completed', created_at: NOW + index, completed_at: NOW + index }));
  let state = play(begin(), { type: 'queue_state', jobs: jobs.slice(20), stats: stats({ completed: 20_000 }),
    has_more: true }, { type: 'sweep_started', number: 1 });
  assert.equal(state.collection.horizon, 0);
  state = play(state, { type: 'sweep_ended', number: 1, until: NOW + 20, complete: true });
  assert.equal(state.collection.horizon, NOW + 20);
  const job = wireJob({ created_at: NOW + 90_000 });
  assert.equal(play(state, { type: 'job_created', job }).collection.horizon, NOW + 20, 'the one that went');
});
