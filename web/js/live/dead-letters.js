// Reads the dead letters while their page is shown: when it is opened, when its filter changes, and after events that
// may have changed them. After a read it rests for at least a second, and for five times what the read took.

import { DEAD_PAGE, KEEP_DEAD, deadQuery, sameDeadFilter } from '../state/dead-letters.js';

const leastRest = 1_000;
const typingMilliseconds = 250;
const refusalPause = 5_000;

export function createDeadLetters({ store, api }) {
  let read = { filter: null, stale: -1 };
  let planned = null;
  let timer = null;
  let busy = false;
  let restUntil = 0;
  let isReadingMore = false;

  async function run() {
    timer = null;
    if (busy) return;
    const { filter, stale, jobs } = store.state.dead;
    const startedAt = Date.now();
    busy = true;
    read = { filter, stale };
    const query = deadQuery(filter);
    // As many as are shown: those that were asked for with "more" stay.
    const wanted = Math.max(DEAD_PAGE, Math.ceil(jobs.length / DEAD_PAGE) * DEAD_PAGE);
    query.set('limit', String(Math.min(KEEP_DEAD, wanted)));
    let took = 0;
    try {
      const answer = await api.deadLetters(`/api/dead-letters?${query}`);
      took = Date.now() - startedAt;
      store.dispatch({ type: 'dead_read', filter, ...answer });
    } catch (error) {
      took = refusalPause / 5;
      if (error.code !== 401) store.dispatch({ type: 'dead_failed', filter, message: error.message });
    }
    busy = false;
    restUntil = Date.now() + Math.max(leastRest, 5 * took);
    update();
  }

  function update() {
    const { view, dead, connection } = store.state;
    if (view !== 'dead-letters' || document.hidden || connection.state !== 'open') {
      clearTimeout(timer);
      timer = null;
      if (view !== 'dead-letters') read = { filter: null, stale: -1 };
      return;
    }
    if (busy) return;
    const isNew = read.filter === null || !sameDeadFilter(dead.filter, read.filter);
    if (!isNew && dead.stale === read.stale) return;
    if (isNew) {
      if (timer !== null && planned === dead.filter) return;
      planned = dead.filter;
      clearTimeout(timer);
      timer = setTimeout(run, read.filter !== null && dead.filter.q !== read.filter.q ? typingMilliseconds : 0);
    } else if (timer === null) {
      timer = setTimeout(run, Math.max(0, restUntil - Date.now()));
    }
  }

  return {
    update,
    /** Reads the jobs after those that are shown. */
    async more() {
      const { filter, next } = store.state.dead;
      if (!next || isReadingMore) return;
      isReadingMore = true;
      try {
        const { jobs, next: after } = await api.deadLetters(next);
        store.dispatch({ type: 'dead_more', filter, jobs, next: after });
      } finally {
        isReadingMore = false;
      }
    },
  };
}
