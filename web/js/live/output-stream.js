// The chosen job's output while its panel is open: read as it comes, taken up again where it was left.

import { createEventParser } from './event-reader.js';

/** Before the stream is opened again, in milliseconds: after it broke off, and after it was refused. */
const [breakPause, refusalPause] = [1_000, 5_000];

/** The reducer's item for an event of the stream, or null. */
export function outputItem({ event, data }) {
  if (event === 'end') return { kind: 'end' };
  if (event === 'gap') return { kind: 'gap' };
  let value;
  try {
    value = JSON.parse(data);
  } catch {
    return null;
  }
  if (event === 'attempt') return { kind: 'attempt', attempt: value.attempt, job: value.job_id };
  if (event !== 'output') return null;
  return { kind: 'chunk', attempt: value.attempt, stream: value.stream, text: String(value.text ?? '') };
}

/** Where a chunk stands, from the event's id: `ATTEMPT-NUMBER`, and `:JOB` where another job took over. */
function placeOf(id) {
  const [, number = '0', job] = /^\d+-(\d+)(?::(.*))?$/.exec(id ?? '') ?? [];
  return { number: Number(number), ...(job ? { job } : {}) };
}

/**
 * @param open gives the bytes of `(id, {after, signal})`, or throws a `Refusal`
 * @param onItems called with the job's id and what came, in order
 * @param pauses for tests
 */
export function createOutputStream({ open, onItems, pauses = [breakPause, refusalPause] }) {
  let followed = null;
  let isHeld = false;

  async function read(own, signal) {
    const bytes = await open(own.id, { after: own.after, signal });
    let items = [{ kind: 'open' }];
    const parser = createEventParser((event) => {
      const item = outputItem(event);
      if (!item) return;
      if (item.kind === 'chunk') {
        Object.assign(item, { job: own.id }, placeOf(event.id));
        own.after = event.id;
      }
      if (item.kind === 'attempt' && item.job === own.id) own.seen = Math.max(own.seen, item.attempt);
      if (item.kind === 'end') own.isOver = true;
      items.push(item);
    });
    const reader = bytes.getReader();
    const decoder = new TextDecoder();
    while (!own.isOver) {
      const { done, value } = await reader.read();
      if (done || signal.aborted) break;
      parser.push(decoder.decode(value, { stream: true }));
      if (signal.aborted) return;
      onItems(own.id, items);
      items = [];
    }
    reader.cancel().catch(() => {});
  }

  /** Reads until the job is over; a stream that breaks off is opened again after what was read. */
  async function run(own) {
    const { signal } = own.stop;
    while (!signal.aborted && !own.isOver) {
      let pause = pauses[0];
      try {
        await read(own, signal);
      } catch (error) {
        if (signal.aborted) return;
        pause = pauses[1];
        if (error.code > 0) {
          // The place may be of a job that was removed: all of it again then.
          const isPlace = error.code === 422 && own.after !== null;
          if (isPlace) own.after = null;
          else onItems(own.id, [{ kind: 'fault', message: error.message }]);
          // There is no such job, or it may not be seen: asking again changes nothing.
          own.isOver = error.code < 500 && error.code !== 429 && !isPlace;
        }
      }
      if (!signal.aborted && !own.isOver) await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  function begin(own) {
    own.stop = new AbortController();
    if (!isHeld) run(own);
  }

  return {
    /** Follows job `id`, or none. Of a job that is over there is more once `attempt` is a later one. */
    follow(id, attempt = 0) {
      if (followed && followed.id === id) {
        if (!followed.isOver || attempt <= followed.seen) return;
        followed.isOver = false;
        followed.seen = attempt;
        begin(followed);
        return;
      }
      followed?.stop.abort();
      followed = id === null ? null : { id, seen: attempt, after: null, isOver: false, stop: null };
      if (followed) begin(followed);
    },
    /** Stops reading while nobody looks, and goes on after what was read. */
    hold(hold) {
      if (hold === isHeld) return;
      isHeld = hold;
      if (!followed || followed.isOver) return;
      followed.stop.abort();
      if (!hold) begin(followed);
    },
  };
}
