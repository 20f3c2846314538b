// The chosen job's progress over Server-Sent Events, while its panel is open and the job is not over.

const ends = ['complete', 'failed', 'cancelled'];

/** @param onEvent called with the reducer's event; onEnd when the job is over */
export function createProgressStream({ api, onEvent, onEnd }) {
  let source = null;
  let openID = null;

  function close() {
    source?.close();
    source = null;
    openID = null;
  }

  function listen(id) {
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
      // The server ended it: without an end of the job, the browser connects again by itself.
      if (own === source && own.readyState === EventSource.CLOSED) close();
    };
  }

  return {
    /** Follows job `id`, or none. */
    follow(id) {
      if (id === openID) return;
      close();
      if (id !== null) listen(id);
    },
  };
}
