// Keeps the detail panel's job whole: reads it and its history when it is chosen and whenever it moved, and follows
// its progress and output. A page that nobody sees holds no stream: browsers open only a few to one server.

import { mostLinks } from '../state/detail.js';
import { createOutputStream } from './output-stream.js';
import { createProgressStream } from './progress-stream.js';

const pauseMilliseconds = 400;

export function createDetails({ store, api }) {
  let shownID = null;
  let stale = -1;
  let timer = null;
  let busy = false;
  let endedID = null;
  const stream = createProgressStream({
    api,
    onEvent: store.dispatch,
    onEnd(id) {
      // The list may say "running" for a moment longer: that is no reason to follow it again.
      endedID = id;
      read();
    },
  });

  const output = createOutputStream({
    open: api.output,
    onItems: (id, items) => store.dispatch({ type: 'output_received', id, items }),
  });

  /** The jobs that took over from `job`, but for those that the list has. */
  async function readAfter(job) {
    const after = [];
    for (let id = job.escalated_to, links = 0; id && links < mostLinks; links += 1) {
      let next = store.state.collection.jobs.get({ id });
      if (!next) {
        try {
          next = await api.job(id);
        } catch (error) {
          if (error.code !== 404) throw error;
          next = { id, gone: true };
        }
        after.push(next);
      }
      id = next.escalated_to;
    }
    return after;
  }

  async function read() {
    const id = shownID;
    clearTimeout(timer);
    timer = null;
    if (id === null || busy) return;
    busy = true;
    stale = store.state.detail?.stale ?? 0;
    const asked = store.state.clock;
    try {
      const [job, history] = await Promise.all([api.job(id), api.history(id)]);
      const after = await readAfter(job);
      store.dispatch({ type: 'detail_read', job, after, asked });
      store.dispatch({ type: 'history_read', id, history });
    } catch (error) {
      if (error.code === 404) store.dispatch({ type: 'job_missing', id });
      store.dispatch({ type: 'detail_failed', id, message: error.message });
    }
    busy = false;
    update();
  }

  function update() {
    const { detail, collection, connection } = store.state;
    const id = detail?.id ?? null;
    if (id !== shownID) {
      shownID = id;
      stale = -1;
      clearTimeout(timer);
      timer = null;
      stream.follow(null);
      output.follow(null);
    }
    output.hold(document.hidden || connection.state !== 'open');
    if (id === null) return;
    if (detail.stale !== stale && !busy && timer === null && !detail.gone) {
      timer = setTimeout(read, stale < 0 ? 0 : pauseMilliseconds);
    }
    const job = collection.jobs.get({ id }) ?? detail.whole;
    const isLive = job && job.status === 'running' && !detail.gone && connection.state === 'open'
      && !document.hidden;
    if (!isLive) endedID = null;
    stream.follow(isLive && endedID !== id ? id : null, job?.attempt);
    // Only once the panel has stayed for a moment: the keyboard goes past many jobs.
    if (detail.whole && !detail.gone) output.follow(id, job.attempt);
  }

  return { update };
}
