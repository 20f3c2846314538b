// Loads what is not in the first state: all pages of jobs in the background, and older ones that a filter asks for.

import { KEEP, KEEP_FOUND } from '../state/collection.js';
import { isNarrow, sameFilter, serverQuery } from '../state/filter.js';

const pageSize = 1000;
const mostPages = 1 + KEEP / pageSize;
/** Between two sweeps, in milliseconds: five times what the last one took, within these. */
const [leastRest, mostRest] = [3_000, 15_000];
const typingMilliseconds = 250;

export function createPages({ store, api }) {
  let running = false;
  let endedAt = 0;
  let took = 0;
  let generation = 0;
  let again = null;
  let typing = null;

  const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

  async function sweep() {
    running = true;
    const startedAt = Date.now();
    generation += 1;
    const number = generation;
    store.dispatch({ type: 'sweep_started', number });
    let path = `/api/jobs?limit=${pageSize}`;
    let count = 0;
    let until = 0;
    try {
      while (path && count < KEEP) {
        const asked = store.state.clock;
        const { jobs, next } = await api.page(path);
        store.dispatch({ type: 'page_read', number, jobs, asked });
        count += jobs.length;
        path = next;
        until = next && jobs.length > 0 ? jobs[jobs.length - 1].created_at : 0;
        await wait(0);
      }
      store.dispatch({ type: 'sweep_ended', number, until, complete: true });
    } catch {
      store.dispatch({ type: 'sweep_failed', number });
    }
    endedAt = Date.now();
    took = endedAt - startedAt;
    running = false;
    search();
  }

  /** Asks the server for older jobs that fit the present filter, where the page does not hold all. */
  async function search() {
    const { collection, sweep: { partial }, stats } = store.state;
    const { filter } = collection;
    if (!partial || (filter.status === 'all' && !isNarrow(filter))) return;
    if ((stats?.total ?? Infinity) <= collection.jobs.size) return;
    const query = serverQuery(filter);
    query.set('limit', String(pageSize));
    query.set('until', String(collection.horizon + 0.000001));
    let path = `/api/jobs?${query}`;
    try {
      // Jobs of one batch have one time, so the first pages may hold only what is known.
      for (let page = 0; path && page < mostPages; page += 1) {
        const asked = store.state.clock;
        const { jobs, next } = await api.page(path);
        if (!sameFilter(filter, store.state.collection.filter)) return;
        store.dispatch({ type: 'jobs_found', jobs, asked, filter });
        if (store.state.collection.extra >= KEEP_FOUND) return;
        path = next;
      }
    } catch {
      // The list shows what the page holds; the next change of the filter asks again.
    }
  }

  return {
    /** After a state that does not hold all jobs. A new connection loads at once, later states after some rest. */
    stateRead(isNewConnection) {
      if (!store.state.hasMore) return;
      clearTimeout(again);
      const pause = Math.min(mostRest, Math.max(leastRest, 5 * took));
      const rest = isNewConnection && !running ? 0 : Math.max(0, endedAt + pause - Date.now());
      again = setTimeout(() => {
        if (!running) sweep();
      }, rest);
    },
    filterChanged(before) {
      if (sameFilter(before, store.state.collection.filter)) return;
      clearTimeout(typing);
      typing = setTimeout(search, typingMilliseconds);
    },
  };
}
