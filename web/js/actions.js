// What a person can do. Each action asks the server and says what came of it; the views call nothing else.

import { curlCommand, hidesSecrets, stintCommand } from './text/command-line.js';
import { OPTION_FIELDS, faultsByField, readOptions, readParams } from './state/params.js';
import { detailJob, retryTarget } from './state/detail.js';
import { cancellable, filterCounts, inStatus } from './state/filter.js';
import { canCancel, isOver } from './state/job.js';
import { applyTheme, themeAfter } from './theme.js';
import { countText, plural } from './text/number.js';
import { shortId } from './text/plain.js';

const noticeSeconds = { done: 5, info: 5, error: 12 };
const cancelsAtOnce = 8;

/** What cancelling so many jobs will do. */
function cancelWords(waiting, running) {
  if (running === 0) return waiting === 1 ? 'It will not start.' : 'They will not start.';
  if (waiting > 0) {
    return `${countText(waiting)} waiting will not start, ${countText(running)} running will be asked to stop. `
      + 'None is retried.';
  }
  return running === 1 ? 'It is asked to stop and is not retried.' : 'They are asked to stop and are not retried.';
}

/** What came of cancelling many jobs: of `stopped` and of those that needed no cancel any more. */
export function cancelledWords(stopped, ended) {
  if (ended === 0) return `${plural(stopped, 'job')} cancelled or asked to stop`;
  const first = stopped === 0 ? 'No job cancelled' : `${countText(stopped)} cancelled or asked to stop`;
  return `${first}, ${countText(ended)} had ended already`;
}

export function createActions({ store, api, socket, focus, navigate, onSignedIn }) {
  let noticeCount = 0;
  const busyJobs = new Set();

  function notice(kind, text, jobID = null) {
    noticeCount += 1;
    const id = noticeCount;
    store.dispatch({ type: 'notice_shown', notice: { id, kind, text, jobID } });
    setTimeout(() => store.dispatch({ type: 'notice_gone', id }), noticeSeconds[kind] * 1000);
  }

  /** Does `work`; what the server refuses is said in its own words. */
  async function attempt(work) {
    try {
      return await work();
    } catch (error) {
      if (error.code !== 401) notice('error', error.message);
      return undefined;
    }
  }

  const canWrite = () => !store.state.session?.read_only;

  function openForm(jobType) {
    store.dispatch({ type: 'form_opened', jobType });
    focus.formField();
  }

  function readForm(type, form) {
    const fields = {};
    const options = {};
    for (const element of form.elements) {
      if (!element.name) continue;
      const value = element.type === 'checkbox' ? element.checked : element.value;
      const text = element.validity?.badInput ? 'not a number' : value;
      if (element.name.startsWith('option:')) options[element.name.slice(7)] = text;
      else fields[element.name] = text;
    }
    const names = type.params.map(({ name }) => name);
    const params = readParams(type, fields);
    const rest = readOptions(options);
    const faults = { ...params.faults };
    for (const [name, fault] of Object.entries(rest.faults)) faults[names.includes(name) ? `option-${name}`
      : name] = fault;
    return { submission: { type: type.name, params: params.params, ...rest.options }, faults, names };
  }

  async function submitJob(type, form) {
    if (store.state.form.busy) return;
    const { submission, faults, names } = readForm(type, form);
    if (Object.keys(faults).length > 0) {
      store.dispatch({ type: 'form_refused', faults });
      focus.firstFault();
      return;
    }
    store.dispatch({ type: 'form_sending' });
    const asked = store.state.clock;
    const { round } = store.state.form;
    const isStillOpen = () => store.state.form.round === round;
    try {
      const job = await api.submit(submission);
      store.dispatch({ type: 'form_accepted', round });
      store.dispatch({ type: 'job_read', job, asked });
      const isOpen = isStillOpen() && focus.newJob(job.id);
      notice('done', `${job.type} ${shortId(job.id)} submitted`, isOpen ? null : job.id);
    } catch (error) {
      if (!isStillOpen()) {
        if (error.code !== 401) notice('error', `The ${type.name} job was not submitted: ${error.message}`);
        return;
      }
      const { faults: found, rest } = faultsByField(error.details, [...names, ...OPTION_FIELDS]);
      const message = Object.keys(found).length === 0 ? error.message : rest.join('; ');
      store.dispatch({ type: 'form_refused', faults: found, message, round });
      focus.firstFault();
    }
  }

  /** Checks one field again once it was said to be wrong, with each change of it. */
  function checkField(type, name) {
    const form = document.getElementById('job-form');
    if (!form || !store.state.form.faults[name]) return;
    const { faults } = readForm(type, form);
    const left = { ...store.state.form.faults };
    if (faults[name]) left[name] = faults[name];
    else delete left[name];
    store.dispatch({ type: 'form_refused', faults: left, message: store.state.form.message });
  }

  /** One act of a kind on one job at a time. */
  async function once(act, id, work) {
    const key = `${act} ${id}`;
    if (!canWrite() || busyJobs.has(key)) return;
    busyJobs.add(key);
    await attempt(work);
    busyJobs.delete(key);
  }

  const reread = async (id) => {
    const asked = store.state.clock;
    store.dispatch({ type: 'job_read', job: await api.job(id), asked });
  };

  const cancelJob = (id) => once('cancel', id, async () => {
    await api.cancel(id);
    await reread(id);
    const job = store.state.collection.jobs.get({ id });
    notice('done', job && !isOver(job.status) ? `${shortId(id)} was asked to stop` : `${shortId(id)} is cancelled`);
  });

  const retryJob = (id) => once('retry', id, async () => {
    const asked = store.state.clock;
    const job = await api.retry(id);
    store.dispatch({ type: 'job_read', job, asked });
    // Of one that was taken over, the last of its chain runs again.
    if (job.id === id) notice('done', `${shortId(id)} is back in the queue`);
    else notice('done', `${job.type} ${shortId(job.id)}, which took over, is back in the queue`, job.id);
  });

  /** The job that keys act on: the open one, else the one with the keyboard. */
  const chosen = (activeID) => {
    const { selected, collection } = store.state;
    return selected ? detailJob(store.state) : activeID ? collection.jobs.get({ id: activeID }) : undefined;
  };

  function cancelShown() {
    const { collection } = store.state;
    const count = cancellable(store.state.collection);
    const running = filterCounts(collection.matching).running;
    const stops = collection.filter.status === 'waiting' ? 0 : running;
    const ids = [];
    const text = cancelWords(count - stops, stops);
    collection.shown.each((key) => {
      const job = collection.jobs.get(key);
      if (job && !isOver(job.status) && inStatus(collection.filter, job.status)) ids.push(job.id);
    });
    const question = { title: `Cancel ${plural(ids.length, 'job')}?`, text, yes: `Cancel ${plural(ids.length, 'job')}`,
      no: ids.length === 1 ? 'Keep it' : 'Keep them', act: () => cancelMany(ids) };
    store.dispatch({ type: 'dialog_opened', dialog: { question } });
  }

  async function cancelMany(ids) {
    const total = ids.length;
    const left = [...ids].reverse();
    const refusals = new Map();
    let stopped = 0;
    let ended = 0;
    let done = 0;
    let told = 0;
    const tell = () => {
      told = Date.now();
      store.dispatch({ type: 'bulk', bulk: { label: 'Cancelling', done, total } });
    };
    tell();
    const lane = async () => {
      while (left.length > 0) {
        try {
          await api.cancel(left.pop());
          stopped += 1;
        } catch (error) {
          // One that ended or was removed meanwhile needs no cancel.
          if (error.code === 409 || error.code === 404) ended += 1;
          else refusals.set(error.message, (refusals.get(error.message) ?? 0) + 1);
          if (error.code === 401 || error.code === 403) left.length = 0;
        }
        done += 1;
        if (Date.now() - told > 150) tell();
      }
    };
    await Promise.all(Array.from({ length: Math.min(cancelsAtOnce, total) }, lane));
    store.dispatch({ type: 'bulk', bulk: null });
    if (stopped + ended > 0) notice('done', cancelledWords(stopped, ended));
    for (const [message, count] of refusals) notice('error', `${plural(count, 'job')} not cancelled: ${message}`);
  }

  const clearCompleted = () => attempt(async () => {
    const { removed } = await api.clearCompleted();
    notice('done', `${plural(removed, 'completed job')} removed`);
    socket.send({ type: 'get_state' });
  });

  async function copy(text, words) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      if (!copyBySelection(text)) {
        notice('error', 'The browser did not allow copying.');
        return;
      }
    }
    notice('info', words);
  }

  const copyCommand = (job, kind) => attempt(async () => {
    const whole = job.params === undefined || job.truncated ? await api.job(job.id) : job;
    const options = { origin: location.origin, tokenRequired: store.state.session?.token_required };
    const command = kind === 'curl' ? curlCommand(whole, options) : stintCommand(whole, options);
    await copy(command, hidesSecrets(whole.params)
      ? `${kind} command copied. The command holds *** for secret params: put the real ones in.`
      : `${kind} command copied`);
  });

  async function signIn(input) {
    const token = input.value.trim();
    if (token === '') {
      store.dispatch({ type: 'sign_in', signIn: { busy: false, fault: 'is required' } });
      return;
    }
    store.dispatch({ type: 'sign_in', signIn: { busy: true, fault: null } });
    try {
      const session = await api.signIn(token);
      input.value = '';
      store.dispatch({ type: 'sign_in', signIn: { busy: false, fault: null } });
      store.dispatch({ type: 'session_read', session });
      onSignedIn();
    } catch (error) {
      store.dispatch({ type: 'sign_in', signIn: { busy: false, fault: error.message } });
      input.select();
    }
  }

  return {
    openForm,
    closeForm() {
      const { type } = store.state.form;
      store.dispatch({ type: 'form_closed' });
      if (type) focus.jobType(type);
    },
    newJob() {
      const { types, form } = store.state;
      if (!canWrite() || !types?.length) return;
      if (form.type) focus.formField();
      else openForm(types[0].name);
    },
    submitJob,
    checkField,
    openJob: (id, options) => navigate({ selected: id }, { push: true, ...options }),
    closeJob() {
      const id = store.state.selected;
      navigate({ selected: null }, { push: true });
      focus.row(id);
    },
    filter: (filter, options) => navigate({ filter }, options),
    cancelJob,
    retryJob,
    cancelChosen(activeID) {
      const job = chosen(activeID);
      if (canCancel(job)) cancelJob(job.id);
    },
    retryChosen(activeID) {
      const job = chosen(activeID);
      if (retryTarget(job, store.state)) retryJob(job.id);
    },
    cancelShown,
    clearCompleted,
    copy,
    copyCommand,
    openDialog: (dialog) => store.dispatch({ type: 'dialog_opened', dialog }),
    closeDialog: () => store.dispatch({ type: 'dialog_closed' }),
    dismiss: (id) => store.dispatch({ type: 'notice_gone', id }),
    nextTheme() {
      const theme = themeAfter(store.state.theme);
      applyTheme(theme);
      store.dispatch({ type: 'theme_chosen', theme });
    },
    signIn,
    signOut: () => attempt(async () => {
      await api.signOut();
      location.reload();
    }),
    notice,
    attempt,
  };
}

/** Copies where the clipboard's interface is missing (a page over plain HTTP from another machine). */
function copyBySelection(text) {
  const before = document.activeElement;
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'visually-hidden';
  document.body.append(area);
  area.select();
  const copied = document.execCommand('copy');
  area.remove();
  before?.focus?.({ preventScroll: true });
  return copied;
}
