// (state, event) → state. Everything the page knows goes through here: the server's messages as they come over the
// WebSocket, answers of the REST interface, and what the person does. Pure: no clock, no network, no document.
//
// Events of the server keep their names (queue_state, job_started, …; see docs/websocket.md). `clock` counts those
// that concern jobs: an answer of the REST interface carries `asked`, the clock when it was asked for, and loses
// against anything that came later. So answers may come late and events twice.

import { deadHandlers, noDeadLetters, noteDead } from './dead-letters.js';
import { edit, emptied, emptyCollection, refiltered, KEEP_FOUND } from './collection.js';
import { newDetail } from './detail.js';
import { NO_FILTER, cleanFilter, sameFilter } from './filter.js';
import { compareIds, groupOf, isOver } from './job.js';
import { noOutput, outputHandlers } from './output.js';
import { samplesFromJobs, withSample } from './samples.js';
import { Tree } from './tree.js';
import { noWorkers, workerHandlers } from './workers.js';

const noIds = new Tree(compareIds);
const mostUnread = 1_000;
const mostNotices = 3;

export const closedForm = Object.freeze({ type: null, faults: {}, message: '', busy: false, round: 0 });

export function initialState({
  now = 0, view = 'queue', filter = NO_FILTER, dead, selected = null, theme = 'system',
} = {}) {
  return {
    now,
    clock: 0,
    view,
    collection: emptyCollection(cleanFilter(filter)),
    hasMore: false,
    loaded: false,
    sweep: { number: 0, since: 0, active: false, partial: false },
    unread: noIds,
    stateWanted: 0,
    stats: null,
    samples: [],
    connection: { state: 'connecting', attempt: 0, retryAt: null, since: now },
    session: null,
    types: null,
    selected,
    detail: selected ? newDetail(selected) : null,
    output: noOutput(selected),
    dead: noDeadLetters(dead),
    workers: noWorkers,
    form: closedForm,
    dialog: null,
    signIn: { busy: false, fault: null },
    bulk: null,
    notices: [],
    theme,
  };
}

/** The state after `event`; the same object if nothing changed. */
export function reduce(state, event) {
  const handler = handlers[event.type];
  return handler ? noteDead(handler(state, event), state, event) : state;
}

/** One more event about jobs: `change(edit, clock)` does it. */
function live(state, change) {
  const clock = state.clock + 1;
  return { ...state, clock, collection: edit(state.collection, (draft) => change(draft, clock)) };
}

/** An event about one job, that gives its new fields, or null for "stale: leave it". */
function move(state, id, fieldsOf) {
  const job = state.collection.jobs.get({ id });
  if (!job) return withUnread(state, [id]);
  const fields = fieldsOf(job);
  if (!fields) return state;
  const next = live(state, (draft, clock) => draft.change(id, fields, clock));
  if (!state.detail || state.detail.id !== id || !fields.status) return next;
  return { ...next, detail: { ...state.detail, stale: state.detail.stale + 1 } };
}

/** Notes ids of which something is known to have happened, but not what; and when, as this too is an event. */
function withUnread(state, ids) {
  const clock = state.clock + 1;
  const { removed, removedBefore } = state.collection;
  let { unread } = state;
  for (const id of ids) {
    if (unread.size >= mostUnread && !unread.get({ id })) continue;
    if (!removed.get({ id }) && !removedBefore.get({ id })) unread = unread.add({ id, clock });
  }
  return unread === state.unread ? state : { ...state, clock, unread };
}

/** Takes `id` off the unread ones, unless something happened to it after the answer was asked for. */
const withoutUnread = (unread, id, asked) => (unread.get({ id })?.clock > asked ? unread : unread.remove({ id }));

const attemptIsOld = (job, attempt) => typeof attempt === 'number' && attempt < job.attempt;

/** How long the attempt that ended had run, where the event does not say. */
const took = (job, end) => (job.status === 'running' && job.started_at && end ? end - job.started_at
  : job.duration_seconds);

const ended = (status) => (state, event) =>
  move(state, event.job_id, (job) => {
    if (attemptIsOld(job, event.attempt)) return null;
    return {
      status, attempt: event.attempt ?? job.attempt, completed_at: event.completed_at ?? state.now,
      duration_seconds: event.duration_seconds ?? took(job, event.completed_at), next_retry_at: null,
      ...(status === 'completed' ? { error: null } : {}),
      ...(status === 'failed' ? { error: event.error, escalated_to: event.escalated_to ?? job.escalated_to } : {}),
      ...(status === 'cancelled' ? { cancelled_by: event.cancelled_by ?? null } : {}),
    };
  });

/** A whole job from a live event. */
function takeLive(state, event) {
  const next = live(state, (draft, clock) => draft.takeLive(event.job, clock));
  if (state.detail?.id !== event.job.id) return next;
  return { ...next, detail: { ...state.detail, gone: false, stale: state.detail.stale + 1 } };
}

/** How many jobs of each group the server has. */
function groupSizes(stats) {
  const sizes = [0, 0, 0];
  for (const status of ['running', 'pending', 'retrying', 'scheduled', 'blocked', 'completed', 'failed', 'cancelled']) {
    sizes[groupOf(status)] += stats?.[status] ?? 0;
  }
  return sizes;
}

/** Where the state holds all jobs of a group, the jobs of that group which are not in it are gone. */
function dropAbsent(draft, jobs, stats) {
  const present = new Set();
  const here = [0, 0, 0];
  for (const job of jobs) {
    present.add(job.id);
    here[groupOf(job.status)] += 1;
  }
  const all = groupSizes(stats);
  const absent = [];
  draft.order.each((key) => {
    if (here[key.group] >= all[key.group] && !present.has(key.id)) absent.push(key.id);
  });
  for (const id of absent) draft.drop(id);
}

function removeFromDetail(state, ids) {
  if (!state.detail || !ids.includes(state.detail.id)) return state.detail;
  return { ...state.detail, gone: true };
}

const only = (state, fields) => ({ ...state, ...fields });

const handlers = {
  ...deadHandlers,
  ...outputHandlers,
  ...workerHandlers,

  // The server's messages.

  queue_state(state, { jobs, stats, has_more: hasMore = false }) {
    const clock = state.clock + 1;
    const start = hasMore ? state.collection : emptied(state.collection, clock);
    const collection = edit(start, (draft) => {
      if (hasMore) dropAbsent(draft, jobs, stats);
      for (const job of jobs) draft.takeLive(job, clock);
    });
    const next = only(state, {
      clock, collection, hasMore, loaded: true, stats: stats ?? state.stats, unread: noIds, stateWanted: 0,
    });
    // A load of pages under way is older than the whole state: its number is no longer the one that counts.
    if (!hasMore) next.sweep = { ...state.sweep, number: state.sweep.number + 1, active: false, partial: false };
    if (state.samples.length === 0) next.samples = samplesFromJobs(collection.jobs, Math.floor(state.now));
    if (state.detail) next.detail = { ...state.detail, stale: state.detail.stale + 1 };
    return next;
  },

  job_created: takeLive,
  job_changed: takeLive,

  job_started(state, event) {
    return move(state, event.job_id, (job) => {
      const { attempt = job.attempt } = event;
      if (attempt < job.attempt || (attempt === job.attempt && attempt > 0 && job.status !== 'running')) return null;
      return {
        status: 'running', attempt, started_at: event.started_at, worker_id: event.worker_id ?? null,
        completed_at: null, duration_seconds: null, next_retry_at: null, error: job.error,
        progress: attempt === job.attempt ? job.progress : null,
      };
    });
  },

  job_progress(state, event) {
    return move(state, event.job_id, (job) =>
      isOver(job.status) ? null : { progress: { percent: event.percent, message: event.message } });
  },

  job_completed: ended('completed'),
  job_failed: ended('failed'),
  job_cancelled: ended('cancelled'),

  job_retrying(state, event) {
    return move(state, event.job_id, (job) =>
      attemptIsOld(job, event.attempt) ? null : {
        status: 'retrying', attempt: event.attempt ?? job.attempt, retry_count: event.retry_count ?? job.retry_count,
        next_retry_at: event.next_retry_at ?? null, error: event.error, started_at: null, worker_id: null,
      });
  },

  jobs_removed(state, { job_ids: ids }) {
    const next = live(state, (draft, clock) => ids.forEach((id) => draft.remove(id, clock)));
    let { unread } = next;
    for (const id of ids) unread = unread.remove({ id });
    return { ...next, unread, detail: removeFromDetail(state, ids) };
  },

  stats_update: (state, { stats }) => only(state, { stats }),

  changed(state, { job_ids: ids }) {
    return { ...withUnread(state, ids), clock: state.clock + 1, stateWanted: state.stateWanted + 1 };
  },

  // Answers of the REST interface.

  job_read(state, { job, asked }) {
    const collection = edit(state.collection, (draft) => draft.takeRead(job, asked));
    return { ...state, collection, unread: withoutUnread(state.unread, job.id, asked) };
  },

  /** A job that was asked for does not exist (any more). */
  job_missing(state, { id }) {
    const next = live(state, (draft, clock) => draft.remove(id, clock));
    return { ...next, unread: state.unread.remove({ id }), detail: removeFromDetail(state, [id]) };
  },

  statuses_read(state, { statuses, asked }) {
    const clock = state.clock;
    let { unread } = state;
    const missing = [];
    const collection = edit(state.collection, (draft) => {
      for (const entry of statuses) {
        unread = withoutUnread(unread, entry.id, asked);
        const held = draft.jobs.get(entry);
        if (!held || held.asOf > asked) continue;
        if (entry.status === 'not_found') {
          missing.push(entry.id);
          draft.remove(entry.id, clock);
          continue;
        }
        const { id, type, ...fields } = entry;
        const duration = entry.completed_at && entry.started_at ? entry.completed_at - entry.started_at : null;
        draft.change(id, { ...fields, duration_seconds: duration }, asked);
      }
    });
    return { ...state, collection, unread, detail: removeFromDetail(state, missing) };
  },

  /** The background load of all pages has begun again. */
  sweep_started(state, { number }) {
    const sweep = { number, since: state.clock, active: true, partial: state.sweep.partial };
    return { ...state, sweep, collection: { ...state.collection, horizon: 0 } };
  },

  page_read(state, { number, jobs, asked }) {
    if (number !== state.sweep.number) return state;
    return { ...state, collection: edit(state.collection, (draft) => jobs.forEach((job) => draft.takeRead(job,
      asked))) };
  },

  /** All pages were read: down to jobs of the time `until`, 0 for all. What was not in them is gone. */
  sweep_ended(state, { number, until, complete }) {
    if (number !== state.sweep.number) return state;
    const { since } = state.sweep;
    const absent = [];
    if (complete) {
      state.collection.jobs.each((job) => {
        if (job.asOf < since && job.created_at > until) absent.push(job.id);
      });
    }
    const collection = edit(state.collection, (draft) => {
      absent.forEach((id) => draft.drop(id));
      draft.horizon = Math.max(draft.horizon, until);
    });
    return { ...state, collection, sweep: { ...state.sweep, active: false, partial: until > 0 } };
  },

  sweep_failed: (state, { number }) =>
    number === state.sweep.number ? only(state, { sweep: { ...state.sweep, active: false, partial: true } }) : state,

  /** Older jobs that the server found for the present filter. */
  jobs_found(state, { jobs, asked, filter }) {
    if (!sameFilter(filter, state.collection.filter)) return state;
    const collection = edit(state.collection, (draft) => {
      for (const job of jobs) {
        const isNew = !draft.jobs.get(job);
        if (isNew && draft.extra >= KEEP_FOUND) break;
        if (draft.takeRead(job, asked) && isNew) draft.extra += 1;
      }
    });
    return { ...state, collection };
  },

  types_read: (state, { types }) => only(state, { types }),
  session_read: (state, { session }) => only(state, { session, dialog: state.dialog === 'sign-in' ? null
    : state.dialog }),
  unauthorized: (state) => only(state, { dialog: 'sign-in', session: null }),

  detail_read(state, { job, after = [], asked }) {
    if (state.detail?.id !== job.id) return state;
    const next = handlers.job_read(state, { job, asked });
    return { ...next, detail: { ...state.detail, whole: job, after, fault: null, gone: false } };
  },
  history_read: (state, { id, history }) =>
    state.detail?.id === id ? only(state, { detail: { ...state.detail, history } }) : state,
  detail_failed: (state, { id, message }) =>
    state.detail?.id === id ? only(state, { detail: { ...state.detail, fault: message } }) : state,

  // The connection and the time.

  connection: (state, { connection }) => only(state, { connection: { ...connection, since: state.now } }),

  tick(state, { now }) {
    if (now <= state.now) return state;
    const next = only(state, { now });
    const second = Math.floor(now);
    if (second > Math.floor(state.now) && state.stats && state.connection.state === 'open') {
      next.samples = withSample(state.samples, second, state.stats);
    }
    return next;
  },

  // The person.

  filtered(state, { filter }) {
    const wanted = cleanFilter({ ...state.collection.filter, ...filter });
    if (sameFilter(wanted, state.collection.filter)) return state;
    return only(state, { collection: refiltered(state.collection, wanted) });
  },
  selected: (state, { id }) => (id === state.selected ? state
    : only(state, { selected: id, detail: id ? newDetail(id) : null, output: noOutput(id) })),
  viewed: (state, { view }) => (view === state.view ? state : only(state, { view })),
  form_opened: (state, { jobType }) =>
    only(state, { form: { ...closedForm, type: jobType, round: state.form.round + 1 } }),
  form_closed: (state) => only(state, { form: { ...closedForm, round: state.form.round + 1 } }),
  form_sending: (state) => only(state, { form: { ...state.form, busy: true, message: '', faults: {} } }),
  // An answer carries the `round` it is for: the form may be another one by then.
  form_refused: (state, { faults = {}, message = '', round = state.form.round }) =>
    round === state.form.round ? only(state, { form: { ...state.form, busy: false, faults, message } }) : state,
  form_accepted: (state, { round = state.form.round }) =>
    round === state.form.round ? only(state, { form: { ...state.form, busy: false, faults: {}, message: '' } }) : state,
  dialog_opened: (state, { dialog }) => only(state, { dialog }),
  dialog_closed: (state) => (state.dialog ? only(state, { dialog: null }) : state),
  sign_in: (state, { signIn }) => only(state, { signIn }),
  bulk: (state, { bulk }) => only(state, { bulk }),
  theme_chosen: (state, { theme }) => only(state, { theme }),
  notice_shown: (state, { notice }) => only(state, { notices: [notice, ...state.notices].slice(0, mostNotices) }),
  notice_gone: (state, { id }) => only(state, { notices: state.notices.filter((notice) => notice.id !== id) }),
};
