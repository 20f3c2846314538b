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

test('an answer to a form that is no longer open leaves the next form alone', async (t) => {
  t.mock.method(globalThis, 'setTimeout', () => 0);
  const type = { name: 'echo', params: [] };
  let answer;
  const { store, actions, notices } = acting([], { submit: () => new Promise((resolve, reject) => {
    answer = { resolve, reject };
  }) });
  const submit = () => actions.submitJob(type, { elements: [] });
  const details = [{ param: 'queue', message: 'no' }];
  for (const leave of [() => actions.openForm('prime'), () => actions.closeForm()]) {
    actions.openForm('echo');
    const sent = submit();
    leave();
    const { form } = store.state;
    answer.reject(new Refusal('wrong', { code: 422, details }));
    await sent;
    assert.equal(store.state.form, form);
    assert.deepEqual(notices()[0], ['error', 'The echo job was not submitted: wrong']);
  }
  actions.openForm('echo');
  let sent = submit();
  actions.openForm('prime');
  const { form } = store.state;
  answer.resolve(wireJob({ id: 'new', type: 'echo' }));
  await sent;
  assert.equal(store.state.form, form);
  assert.ok(store.state.collection.jobs.get({ id: 'new' }));
  assert.equal(store.state.notices[0].jobID, 'new');
  sent = submit();
  answer.reject(new Refusal('wrong', { code: 422, details }));
  await sent;
  assert.deepEqual(store.state.form.faults, { queue: 'no' });
  assert.equal(store.state.form.busy, false);
});
