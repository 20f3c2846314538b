// The page of workers: who they are and what they run, as last read.

/** `list` is null until the first answer; `count` is what was asked for as jobs at once. */
export const noWorkers = Object.freeze({ list: null, fault: null, count: null, busy: false, countFault: null });

const workers = (state, fields) => ({ ...state, workers: { ...state.workers, ...fields } });

/**
 * How many jobs at once, or worker processes, the server itself was seen to run: known once it said so, where it is the
 * only worker, or where all workers have one supervisor.
 */
export function knownCount({ list, count }) {
  if (count !== null) return count;
  if (!list || list.length === 0 || list.some((worker) => worker.state === 'draining')) return null;
  const [{ supervisor, slots }] = list;
  if (supervisor) return list.every((worker) => worker.supervisor === supervisor) ? list.length : null;
  return list.length === 1 ? slots : null;
}

/** Whether what is known are worker processes, under one supervisor. */
export const hasProcesses = ({ list }) => list?.some((worker) => worker.supervisor) ?? false;

/** Totals for the line above the list. */
export function workerTotals(list) {
  return list.reduce((sum, worker) => ({
    slots: sum.slots + worker.slots, busy: sum.busy + worker.jobs.length, processed: sum.processed + worker.processed,
  }), { slots: 0, busy: 0, processed: 0 });
}

const cleaned = (worker) =>
  ({ ...worker, jobs: worker.jobs ?? [], slots: worker.slots ?? 0, processed: worker.processed ?? 0,
    abandoned: worker.abandoned ?? 0 });

export const workerHandlers = {
  workers_read: (state, { list }) => workers(state, { list: list.map(cleaned), fault: null }),
  workers_failed: (state, { message }) => workers(state, { fault: message }),
  workers_counting: (state) => workers(state, { busy: true, countFault: null }),
  workers_counted: (state, { count }) => workers(state, { busy: false, count, countFault: null }),
  workers_refused: (state, { message }) => workers(state, { busy: false, countFault: message }),
};
