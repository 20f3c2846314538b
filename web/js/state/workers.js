// The page of workers: who they are and what they run, as last read.

/**
 * `list` and `own` are null until the first answer. `own` is what the server itself runs, `{count, unit}`, with null for
 * both where it runs nothing; `acts` counts the changes of it, so that an answer from before one is known to be old.
 */
export const noWorkers = Object.freeze({ list: null, own: null, fault: null, acts: 0, countFault: null });

const workers = (state, fields) => ({ ...state, workers: { ...state.workers, ...fields } });

/** How many jobs at once, or worker processes, the server itself runs; null where that is not known. */
export const knownCount = ({ own }) => own?.count ?? null;

/** Whether the server was asked and runs no workers of its own. */
export const hasNone = ({ own }) => own !== null && own.unit === null;

/** Whether what the server runs are worker processes. */
export const hasProcesses = ({ own }) => own?.unit === 'processes';

/** Totals for the line above the list: the server's own figures, which also stand above, else the list's. */
export function workerTotals(list, stats) {
  if (stats?.worker) {
    const { capacity, active, processed } = stats.worker;
    return { slots: capacity ?? 0, busy: active ?? 0, processed: processed ?? 0 };
  }
  return list.reduce((sum, worker) => ({
    slots: sum.slots + worker.slots, busy: sum.busy + worker.jobs.length, processed: sum.processed + worker.processed,
  }), { slots: 0, busy: 0, processed: 0 });
}

const cleaned = (worker) =>
  ({ ...worker, jobs: worker.jobs ?? [], slots: worker.slots ?? 0, processed: worker.processed ?? 0,
    abandoned: worker.abandoned ?? 0 });

export const workerHandlers = {
  workers_read(state, { list, own, acts }) {
    const isOld = acts !== state.workers.acts;
    return workers(state, { list: list.map(cleaned), own: isOld ? state.workers.own : own, fault: null });
  },
  workers_failed: (state, { message }) => workers(state, { fault: message }),
  workers_counting: (state) => workers(state, { countFault: null }),
  workers_counted: (state, { own }) => workers(state, { own, acts: state.workers.acts + 1, countFault: null }),
  workers_refused: (state, { message }) => workers(state, { countFault: message }),
};
