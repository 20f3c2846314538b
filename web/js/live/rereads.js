// Finds out what happened to jobs of which the page only knows that something did: after `changed`, and after events of
// jobs that it does not hold. At most once a second.

const pauseMilliseconds = 1000;
const mostSingle = 20;

export function createRereads({ store, api, socket }) {
  let timer = null;
  let last = 0;

  async function run() {
    timer = null;
    last = Date.now();
    const { state } = store;
    const ids = state.unread.slice().map(({ id }) => id);
    if (ids.length === 0 && state.stateWanted === 0) return;
    if (state.connection.state !== 'open') return;
    const held = ids.filter((id) => state.collection.jobs.get({ id }));
    const unknown = ids.filter((id) => !state.collection.jobs.get({ id }));
    const asked = state.clock;
    const reads = [];
    if (held.length > 0) {
      reads.push(api.statuses(held).then((statuses) => store.dispatch({ type: 'statuses_read', statuses, asked })));
    }
    if (state.stateWanted > 0 || unknown.length > mostSingle) {
      socket.send({ type: 'get_state' });
    } else {
      for (const id of unknown) reads.push(readOne(id, asked));
    }
    await Promise.allSettled(reads);
    schedule();
  }

  async function readOne(id, asked) {
    try {
      store.dispatch({ type: 'job_read', job: await api.job(id), asked });
    } catch (error) {
      if (error.code === 404) store.dispatch({ type: 'job_missing', id });
    }
  }

  function schedule() {
    const { unread, stateWanted } = store.state;
    if (timer !== null || (unread.size === 0 && stateWanted === 0)) return;
    timer = setTimeout(run, Math.max(0, last + pauseMilliseconds - Date.now()));
  }

  return { schedule };
}
