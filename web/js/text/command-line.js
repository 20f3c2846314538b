// The command that submits a job again, for `curl` and for `stint`.

const plainWord = /^[A-Za-z0-9_@%+=:,./-]+$/;

/** One word of a POSIX shell command, quoted only where it must be. */
export function shellWord(text) {
  const word = String(text);
  return plainWord.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

const isEmpty = (object) => !object || Object.keys(object).length === 0;

/** The body of the submission: params, and the options that are not the defaults. */
export function submissionOf(job) {
  const body = { type: job.type };
  if (!isEmpty(job.params)) body.params = job.params;
  if (job.queue && job.queue !== 'default') body.queue = job.queue;
  if (job.priority && job.priority !== 'normal') body.priority = job.priority;
  if (job.max_retries != null && job.max_retries !== 3) body.max_retries = job.max_retries;
  for (const name of ['timeout_seconds', 'stall_timeout_seconds', 'start_within_seconds']) {
    if (job[name] != null) body[name] = job[name];
  }
  if (!isEmpty(job.tags)) body.tags = job.tags;
  if (!isEmpty(job.metadata)) body.metadata = job.metadata;
  return body;
}

/** `curl` with the submission as its body; with a token, one from the shell's own `STINT_TOKEN`. */
export function curlCommand(job, { origin, tokenRequired = false }) {
  const words = ['curl', shellWord(`${origin}/api/jobs`), '-H', shellWord('Content-Type: application/json')];
  if (tokenRequired) words.push('-H', '"Authorization: Bearer $STINT_TOKEN"');
  return [...words, '-d', shellWord(JSON.stringify(submissionOf(job)))].join(' ');
}

const paramText = (value) => (typeof value === 'string' ? value : JSON.stringify(value));

/** `stint submit` with a flag for each option. */
export function stintCommand(job, { origin }) {
  const body = submissionOf(job);
  const words = ['stint', 'submit', shellWord(job.type)];
  const flag = (name, value) => words.push(`--${name}`, shellWord(value));
  for (const [name, value] of Object.entries(body.params ?? {})) flag('param', `${name}=${paramText(value)}`);
  if (body.queue) flag('queue', body.queue);
  if (body.priority) flag('priority', body.priority);
  if (body.max_retries != null) flag('max-retries', body.max_retries);
  if (body.timeout_seconds != null) flag('timeout', `${body.timeout_seconds}s`);
  if (body.stall_timeout_seconds != null) flag('stall-timeout', `${body.stall_timeout_seconds}s`);
  if (body.start_within_seconds != null) flag('start-within', `${body.start_within_seconds}s`);
  for (const [key, value] of Object.entries(body.tags ?? {})) flag('tag', `${key}=${value}`);
  if (body.metadata) flag('metadata', JSON.stringify(body.metadata));
  flag('url', origin);
  return words.join(' ');
}
