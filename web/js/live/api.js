// The REST interface. Answers are parsed JSON; what is refused is a `Refusal` in the server's own words.

/** An error answer of the server, or (code 0) a server that can not be reached. */
export class Refusal extends Error {
  constructor(message, { code = 0, type = 'unreachable', details = [] } = {}) {
    super(message);
    this.code = code;
    this.type = type;
    this.details = details;
  }
}

export function createAPI({ onUnauthorized }) {
  /** The answer's text as JSON; throws a `Refusal` for what is refused. */
  async function answerOf(response, quiet) {
    const text = await response.text();
    let answer = null;
    try {
      answer = text === '' ? null : JSON.parse(text);
    } catch {
      if (response.ok) throw new Refusal('The server’s answer is not JSON.', { code: response.status });
    }
    if (response.ok) return answer;
    if (response.status === 401 && !quiet) onUnauthorized();
    throw new Refusal(answer?.error ?? `${response.status} ${response.statusText}`, {
      code: response.status, type: answer?.type ?? 'error', details: answer?.details ?? [],
    });
  }

  async function request(method, path, body, { quiet = false } = {}) {
    const options = { method, headers: { Accept: 'application/json' }, credentials: 'same-origin', cache: 'no-store' };
    if (body !== undefined) {
      options.headers['Content-Type'] = 'application/json';
      options.body = JSON.stringify(body);
    }
    let response;
    try {
      response = await fetch(path, options);
    } catch {
      throw new Refusal('The server can not be reached.');
    }
    const answer = await answerOf(response, quiet);
    return { answer, link: response.headers.get('Link') };
  }

  /** The bytes of a stream of events, those after the event `after`. */
  async function stream(path, { after, signal }) {
    const headers = { Accept: 'text/event-stream', ...(after ? { 'Last-Event-ID': after } : {}) };
    let response;
    try {
      response = await fetch(path, { headers, signal, credentials: 'same-origin', cache: 'no-store' });
    } catch {
      throw new Refusal('The server can not be reached.');
    }
    if (!response.ok || !response.body) await answerOf(response);
    return response.body;
  }

  const get = async (path, options) => (await request('GET', path, undefined, options)).answer;
  // `/api/jobs/status` is another route; the escaped form means the job of that name.
  const job = (id) => `/api/jobs/${id === 'status' ? '%73tatus' : encodeURIComponent(id)}`;

  return {
    session: () => get('/api/session'),
    signIn: async (token) => (await request('POST', '/api/session', { token }, { quiet: true })).answer,
    signOut: () => request('DELETE', '/api/session'),
    jobTypes: () => get('/api/job-types'),
    job: (id) => get(`${job(id)}?exact=true`),
    history: (id) => get(`${job(id)}/history?exact=true`),
    progressPath: (id) => `${job(id)}/progress?exact=true`,
    output: (id, options) => stream(`${job(id)}/output?exact=true`, options),
    statuses: async (ids) => (await request('POST', '/api/jobs/status', { ids })).answer,
    submit: async (submission) => (await request('POST', '/api/jobs', submission)).answer,
    cancel: (id) => request('DELETE', `${job(id)}?exact=true`),
    retry: async (id) => (await request('POST', `${job(id)}/retry?exact=true`)).answer,
    clearCompleted: async () => (await request('DELETE', '/api/jobs?status=completed')).answer,
    workers: () => get('/api/workers'),
    workerCount: () => get('/api/workers/count'),
    setWorkers: async (count) => (await request('PUT', '/api/workers', { count })).answer,
    /** Dead letters: `{total, groups, jobs}`, and the path of the next page or null. */
    async deadLetters(path) {
      const { answer, link } = await request('GET', path);
      return { ...answer, next: nextOf(link) };
    },
    requeueDead: async (body) => (await request('POST', '/api/dead-letters/requeue', body)).answer,
    purgeDead: async (query) => (await request('DELETE', `/api/dead-letters?${query}`)).answer,
    /** One page of jobs, and the path of the next one or null. */
    async page(path) {
      const { answer, link } = await request('GET', path);
      return { jobs: answer, next: nextOf(link) };
    },
  };
}

/** The path of `rel="next"` in a Link header; only one of this server. */
export function nextOf(link) {
  const match = /<([^>]+)>\s*;\s*rel="?next"?/.exec(link ?? '');
  if (!match) return null;
  const url = new URL(match[1], location.href);
  return url.origin === location.origin ? url.pathname + url.search : null;
}
