// The chosen job's progress over Server-Sent Events, while its panel is open and the job is not over.

// After `escalated` the stream would go on with the job that took over.
const ends = ['complete', 'failed', 'cancelled', 'escalated'];
const pauseMilliseconds = 5_000;

/** @param onEvent called with the reducer's event; onEnd when the job is over; `pause` after a refusal */
export function createProgressStream({ api, onEvent, onEnd, pause = pauseMilliseconds }) {
  let source = null;
  let openID = null;
  /** The job and attempt whose stream the server refused, and what tries it again. */
  let refused = null;

  function forget() {
    clearTimeout(refused?.timer);
    refused = null;
  }

  function refuse(id, attempt) {
    const timer = setTimeout(() => {
      refused = null;
      listen(id, attempt);
    }, pause);
    refused = { id, attempt, timer };
  }

  function close() {
    source?.close();
    source = null;
    openID = null;
  }

  function listen(id, attempt) {
    source = new EventSource(api.progressPath(id));
    openID = id;
    const own = source;
    source.addEventListener('progress', (message) => {
      if (own !== source) return;
      onEvent({ type: 'job_progress', job_id: id, ...JSON.parse(message.data) });
    });
    for (const end of ends) {
      source.addEventListener(end, (message) => {
        // `EventSource` has an event `error` of its own, `failed` is the server's.
        if (own !== source || message.data === undefined) return;
        close();
        onEnd(id);
      });
    }
    source.onerror = () => {
      // Where the server ended a stream without an end of the job, the browser connects again by itself. It does not
      // where the answer is no stream, as when there are too many.
      if (own !== source || own.readyState !== EventSource.CLOSED) return;
      close();
      refuse(id, attempt);
    };
  }

  return {
    /** Follows job `id` in its attempt, or none. */
    follow(id, attempt = 0) {
      if (refused && refused.id === id && refused.attempt === attempt) return;
      forget();
      if (id === openID) return;
      close();
      if (id !== null) listen(id, attempt);
    },
  };
}
