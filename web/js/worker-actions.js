// What a person can do on the page of workers.

/** How many jobs run at once in the server. */
export function createWorkerActions({ store, api, reader }) {
  return {
    async setWorkerCount(text) {
      if (store.state.session?.read_only || store.state.workers.busy) return;
      const count = /^\d+$/.test(text.trim()) ? Number(text) : NaN;
      if (!(count <= 1000)) {
        store.dispatch({ type: 'workers_refused', message: 'A whole number from 0 to 1000 is needed.' });
        return;
      }
      store.dispatch({ type: 'workers_counting' });
      try {
        const answer = await api.setWorkers(count);
        store.dispatch({ type: 'workers_counted', count: answer.count });
        reader.hurry();
      } catch (error) {
        store.dispatch({ type: 'workers_refused', message: error.message });
      }
    },
  };
}
