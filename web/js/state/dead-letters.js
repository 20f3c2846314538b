// The page of dead letters: jobs that failed and that no other job took over. What stands there was read from the
// server; `stale` counts the events after which it may be another list.

/** As many of the jobs are kept; the page says so where there are more. */
export const KEEP_DEAD = 1_000;
export const DEAD_PAGE = 50;

const FIELDS = ['type', 'error', 'queue', 'q'];

export const NO_DEAD_FILTER = Object.freeze({ type: '', error: '', queue: '', q: '' });

export const cleanDeadFilter = (filter = {}) =>
  Object.fromEntries(FIELDS.map((name) => [name, String(filter[name] ?? '')]));

export const sameDeadFilter = (a, b) => FIELDS.every((name) => a[name] === b[name]);

/** Whether the filter leaves anything out. */
export const isDeadNarrow = (filter) => FIELDS.some((name) => filter[name].trim() !== '');

/** Whether the filter names one of the groups. */
export const isGroup = (filter) => filter.type !== '' && filter.error !== '';

const given = (filter) =>
  FIELDS.filter((name) => filter[name].trim() !== '').map((name) => [name, filter[name].trim()]);

/** The filter as a query of `GET` and `DELETE /api/dead-letters`. */
export const deadQuery = (filter) => new URLSearchParams(given(filter));

/** The filter as a body of `POST /api/dead-letters/requeue`. */
export const deadBody = (filter) =>
  (isDeadNarrow(filter) ? { filter: Object.fromEntries(given(filter)) } : { all: true });

/** `total` is null until the first answer. */
export const noDeadLetters = (filter = NO_DEAD_FILTER) => ({
  filter: cleanDeadFilter(filter), total: null, groups: [], jobs: [], next: null, fault: null, act: null, stale: 0,
});

/** What happens to jobs that may change what is dead. */
const changing = new Set(['queue_state', 'job_failed', 'job_changed', 'jobs_removed', 'changed']);

/** `state` after `event`, of which `before` is the state without it: notes that the list may be another one now. */
export function noteDead(state, before, event) {
  if (state === before || !changing.has(event.type)) return state;
  return { ...state, dead: { ...state.dead, stale: state.dead.stale + 1 } };
}

const dead = (state, fields) => ({ ...state, dead: { ...state.dead, ...fields } });

/** A job as the list shows it: without params and result, which may be long. */
const listed = ({ params, result, metadata, ...job }) => job;

export const deadHandlers = {
  dead_filtered(state, { filter }) {
    const wanted = cleanDeadFilter({ ...state.dead.filter, ...filter });
    if (sameDeadFilter(wanted, state.dead.filter)) return state;
    return { ...state, dead: { ...noDeadLetters(wanted), act: state.dead.act, stale: state.dead.stale + 1 } };
  },

  dead_read(state, { filter, total, groups, jobs, next }) {
    if (!sameDeadFilter(filter, state.dead.filter)) return state;
    return dead(state, { total, groups, jobs: jobs.map(listed), next, fault: null });
  },

  /** The jobs after those that are there. */
  dead_more(state, { filter, jobs, next }) {
    if (!sameDeadFilter(filter, state.dead.filter)) return state;
    const known = new Set(state.dead.jobs.map(({ id }) => id));
    const more = jobs.filter(({ id }) => !known.has(id)).map(listed);
    return dead(state, { jobs: [...state.dead.jobs, ...more].slice(0, KEEP_DEAD), next });
  },

  dead_failed: (state, { filter, message }) =>
    sameDeadFilter(filter, state.dead.filter) ? dead(state, { fault: message }) : state,

  /** What is being done to many: `requeue`, `purge`, or null. */
  dead_acting: (state, { act }) => dead(state, { act }),
  dead_wanted: (state) => dead(state, { stale: state.dead.stale + 1 }),
};
