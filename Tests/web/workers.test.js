import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createWorkerActions } from '../../web/js/worker-actions.js';
import { Refusal } from '../../web/js/live/api.js';
import { hasNone, hasProcesses, knownCount, workerTotals } from '../../web/js/state/workers.js';
import { createStore } from '../../web/js/state/store.js';
import { reduce } from '../../web/js/state/reducer.js';
import { begin, play } from './support.js';

const worker = (fields) =>
  ({ id: 'w', host: 'h', pid: 1, state: 'idle', slots: 3, types: [], processed: 4, jobs: [], ...fields });

const read = (own, fields) => ({ type: 'workers_read', list: [worker()], own, acts: 0, ...fields });

test('workers as they were read', () => {
  let state = play(begin(), { type: 'workers_failed', message: 'no' });
  assert.equal(state.workers.fault, 'no');
  const list = [worker({ jobs: undefined }), worker({ id: 'v', jobs: [{ id: 'j' }] })];
  state = play(state, read({ count: 3, unit: 'slots' }, { list }));
  assert.equal(state.workers.fault, null);
  assert.deepEqual(workerTotals(state.workers.list), { slots: 6, busy: 1, processed: 8 });
  const stats = { worker: { capacity: 9, active: 2, idle: 7, processed: 12 } };
  assert.deepEqual(workerTotals(state.workers.list, stats), { slots: 9, busy: 2, processed: 12 }, 'as the tile says');
});

test('the number and its name are those of this server, whoever else shares the store', () => {
  const others = [worker(), worker({ id: 'v', slots: 8 }), worker({ id: 'p', supervisor: 's' })];
  assert.equal(knownCount(begin().workers), null);
  const slots = play(begin(), read({ count: 3, unit: 'slots' }, { list: others })).workers;
  assert.deepEqual([knownCount(slots), hasProcesses(slots), hasNone(slots)], [3, false, false]);
  const processes = play(begin(), read({ count: 0, unit: 'processes' }, { list: others })).workers;
  assert.deepEqual([knownCount(processes), hasProcesses(processes), hasNone(processes)], [0, true, false]);
  const none = play(begin(), read({ count: null, unit: null }, { list: others })).workers;
  assert.deepEqual([knownCount(none), hasNone(none), hasNone(begin().workers)], [null, true, false]);
});

/** Actions over a server that runs so many jobs at once, of which `refuses` none. */
function acting(server) {
  const calls = [];
  const api = {
    async workerCount() {
      return { count: server.count, unit: 'slots' };
    },
    async setWorkers(count) {
      calls.push(count);
      if (count === server.refuses) throw new Refusal('No workers run here', { code: 422 });
      server.count = count;
      return { count };
    },
  };
  const store = createStore(reduce, play(begin(), read({ count: server.count, unit: 'slots' })));
  return { calls, store, actions: createWorkerActions({ store, api, reader: { hurry() {} } }) };
}

test('a number that others change is shown, and one more is one more than it', async () => {
  const server = { count: 3 };
  const { calls, store, actions } = acting(server);
  await actions.setWorkerCount(' 5 ');
  assert.equal(knownCount(store.state.workers), 5);
  store.dispatch(read({ count: 3, unit: 'slots' }));
  assert.equal(knownCount(store.state.workers), 5, 'what was asked for before the change is old');
  server.count = 2;
  store.dispatch(read({ count: 2, unit: 'slots' }, { acts: store.state.workers.acts }));
  assert.equal(knownCount(store.state.workers), 2);
  server.count = 6;
  await Promise.all([actions.addWorkers(1), actions.addWorkers(1), actions.addWorkers(-1)]);
  assert.equal(knownCount(store.state.workers), 7);
  server.count = 0;
  await actions.addWorkers(-1);
  assert.deepEqual(calls, [5, 7, 8, 7, 0]);
});

test('what can not be is said', async () => {
  const { calls, store, actions } = acting({ count: 1, refuses: 2 });
  await actions.addWorkers(1);
  assert.equal(store.state.workers.countFault, 'No workers run here');
  assert.equal(knownCount(store.state.workers), 1);
  for (const text of ['', '-1', '1.5', '1001', 'x']) {
    store.dispatch({ type: 'workers_counting' });
    await actions.setWorkerCount(text);
    assert.match(store.state.workers.countFault, /from 0 to 1000/);
  }
  assert.deepEqual(calls, [2]);
  await actions.setWorkerCount('4');
  assert.equal(store.state.workers.countFault, null);
});
