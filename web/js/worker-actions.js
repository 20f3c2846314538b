// What a person can do on the page of workers: change how many jobs run at once in the server, or worker processes.

const most = 1000;

export function createWorkerActions({ store, api, reader }) {
  let last = Promise.resolve();

  /** One change after the other; `count` gives the number that is wanted, or NaN. */
  function change(count) {
    last = last.then(async () => {
      if (store.state.session?.read_only) return;
      store.dispatch({ type: 'workers_counting' });
      try {
        const wanted = await count();
        if (!(wanted >= 0 && wanted <= most)) {
          store.dispatch({ type: 'workers_refused', message: `A whole number from 0 to ${most} is needed.` });
          return;
        }
        await api.setWorkers(wanted);
        store.dispatch({ type: 'workers_counted', own: await api.workerCount() });
        reader.hurry();
      } catch (error) {
        store.dispatch({ type: 'workers_refused', message: error.message });
      }
    });
    return last;
  }

  return {
    setWorkerCount: (text) => change(() => (/^\d+$/.test(text.trim()) ? Number(text) : NaN)),
    /** So many more than there are now, whoever else has changed the number. */
    addWorkers: (by) => change(async () => {
      const { count } = await api.workerCount();
      return Math.min(most, Math.max(0, (count ?? 0) + by));
    }),
  };
}
