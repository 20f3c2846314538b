// Reads the workers while their page is shown and seen: every two seconds, and sooner when slots become busy or free.

const pauseMilliseconds = 2_000;
const soonMilliseconds = 500;

export function createWorkers({ store, api }) {
  let timer = null;
  let busy = false;
  let last = 0;
  let figures = '';

  async function read() {
    timer = null;
    busy = true;
    const { acts } = store.state.workers;
    try {
      const [list, own] = await Promise.all([api.workers(), api.workerCount()]);
      store.dispatch({ type: 'workers_read', list, own, acts });
    } catch (error) {
      if (error.code !== 401) store.dispatch({ type: 'workers_failed', message: error.message });
    }
    busy = false;
    last = Date.now();
    update();
  }

  function plan(pause) {
    clearTimeout(timer);
    timer = setTimeout(read, Math.max(0, last + pause - Date.now()));
  }

  function update() {
    const { view, connection, stats } = store.state;
    if (view !== 'workers' || document.hidden || connection.state !== 'open') {
      clearTimeout(timer);
      timer = null;
      return;
    }
    const now = JSON.stringify([stats?.worker, stats?.running]);
    const moved = now !== figures;
    figures = now;
    if (busy) return;
    if (moved) plan(soonMilliseconds);
    else if (timer === null) plan(pauseMilliseconds);
  }

  return {
    update,
    /** Reads at once, whatever the pause. */
    hurry() {
      last = 0;
      if (!busy && store.state.view === 'workers') plan(0);
    },
  };
}
