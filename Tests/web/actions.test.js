import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createActions } from '../../web/js/actions.js';
import { Refusal } from '../../web/js/live/api.js';
import { createStore } from '../../web/js/state/store.js';
import { reduce } from '../../web/js/state/reducer.js';
import { NOW, holding, wireJob } from './support.js';

/** Actions over a stubbed server; notices never go by themselves. */
function acting(jobs, api) {
  const store = createStore(reduce, holding(jobs));
  const focus = { formField() {}, firstFault() {}, jobType() {}, newJob: () => true };
  const actions = createActions({ store, api, focus, socket: {}, navigate() {}, onSignedIn() {} });
  return { store, actions, notices: () => store.state.notices.map(({ kind, text }) => [kind, text]) };
}

const refuse = (code, message) => {
  throw new Refusal(message, { code });
};

async function cancelAll(answers) {
  const jobs = answers.map((code, place) => wireJob({ id: `j${place}`, created_at: NOW + place }));
  const { store, actions, notices } = acting(jobs, {
    async cancel(id) {
      const code = answers[Number(id.slice(1))];
      if (code !== 202) refuse(code, `no ${code}`);
    },
  });
  actions.cancelShown();
  await store.state.dialog.question.act();
  return notices();
}

test('cancelling many says how many were cancelled and how many had ended', async (t) => {
  t.mock.method(globalThis, 'setTimeout', () => 0);
  assert.deepEqual(await cancelAll([202, 202]), [['done', '2 jobs cancelled or asked to stop']]);
  assert.deepEqual(await cancelAll([202, 409, 404, 202]),
    [['done', '2 cancelled or asked to stop, 2 had ended already']]);
  assert.deepEqual(await cancelAll([409]), [['done', 'No job cancelled, 1 had ended already']]);
  assert.deepEqual(await cancelAll([202, 500]),
    [['error', '1 job not cancelled: no 500'], ['done', '1 job cancelled or asked to stop']]);
});
