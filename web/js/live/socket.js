// The WebSocket of the queue: connects, says how it stands, comes back by itself.

const firstDelay = 0.5;
const longestDelay = 10;
const pingSeconds = 20;
const silenceSeconds = 45;

/** The wait before try number `attempt` (from 1): doubling, with half of it random. */
export function reconnectDelay(attempt, random = Math.random()) {
  const full = Math.min(longestDelay, firstDelay * 2 ** Math.min(attempt - 1, 10));
  return Math.max(firstDelay, full * (0.5 + random / 2));
}

/**
 * @param onMessage called with each message
 * @param onConnection called with {state, attempt, retryAt}
 */
export function createSocket({ onMessage, onConnection }) {
  let socket = null;
  let attempt = 0;
  let timer = null;
  let heartbeat = null;
  let heard = 0;
  let stopped = false;

  const seconds = () => Date.now() / 1000;

  function open() {
    clearTimeout(timer);
    timer = null;
    onConnection({ state: attempt === 0 ? 'connecting' : 'reconnecting', attempt, retryAt: null });
    const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
    const own = new WebSocket(`${scheme}//${location.host}/ws/queue`);
    socket = own;
    own.onopen = () => {
      heard = seconds();
      attempt = 0;
      onConnection({ state: 'open', attempt: 0, retryAt: null });
      heartbeat = setInterval(beat, pingSeconds * 1000);
    };
    own.onmessage = (message) => {
      heard = seconds();
      let parsed;
      try {
        parsed = JSON.parse(message.data);
      } catch {
        return;
      }
      onMessage(parsed);
    };
    own.onclose = () => {
      if (own === socket) lost();
    };
  }

  function beat() {
    if (seconds() - heard > silenceSeconds) drop();
    else send({ type: 'ping' });
  }

  /** Gives up a connection that says nothing. */
  function drop() {
    const silent = socket;
    lost();
    silent?.close();
  }

  function lost() {
    socket = null;
    clearInterval(heartbeat);
    if (stopped) return;
    attempt += 1;
    const delay = reconnectDelay(attempt);
    onConnection({ state: 'reconnecting', attempt, retryAt: seconds() + delay });
    clearTimeout(timer);
    timer = setTimeout(open, delay * 1000);
  }

  function send(message) {
    if (socket?.readyState !== WebSocket.OPEN) return false;
    socket.send(JSON.stringify(message));
    return true;
  }

  /** Tries at once, where a try is due later. */
  function hurry() {
    if (!stopped && timer !== null) open();
  }

  return {
    start() {
      stopped = false;
      attempt = 0;
      if (!socket) open();
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
      timer = null;
      clearInterval(heartbeat);
      socket?.close(1000);
      socket = null;
      onConnection({ state: 'stopped', attempt: 0, retryAt: null });
    },
    hurry,
    send,
  };
}
