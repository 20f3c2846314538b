// The command that submits a job again, for `curl` and for `stint`. Commands are pasted into terminals: they hold no
// control characters, which could end the paste and run what follows.

const controls = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;
const controlsLeftByJSON = /[\u007f-\u009f\u2028\u2029]/g;

const escaped = (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** JSON on one line, control characters escaped. */
const jsonText = (value) => JSON.stringify(value).replace(controlsLeftByJSON, escaped);

/** Whether any text in `value`, keys included, has a control character. */
function hasControls(value) {
  if (typeof value === 'string') return controls.test(value);
  if (value === null || typeof value !== 'object') return false;
  return Object.entries(value).some(([key, part]) => controls.test(key) || hasControls(part));
}

const plainWord = /^[A-Za-z0-9_@%+=:,./-]+$/;

/** One word of a POSIX shell command, quoted only where it must be. */
export function shellWord(text) {
  const word = String(text);
  return plainWord.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

const isEmpty = (object) => !object || Object.keys(object).length === 0;

/** The policy of a submission that names none. */
const usualRetry = { strategy: 'exponential', base_seconds: 1, max_delay_seconds: 300, jitter: 0.1 };
const isUsual = (retry) => Object.keys(usualRetry).every((name) => retry[name] === usualRetry[name]);

/** The body of the submission: params, and the options that are not the defaults. */
export function submissionOf(job) {
  const body = { type: job.type };
  if (!isEmpty(job.params)) body.params = job.params;
  if (job.queue && job.queue !== 'default') body.queue = job.queue;
  if (job.priority && job.priority !== 'normal') body.priority = job.priority;
  if (job.max_retries != null && job.max_retries !== 3) body.max_retries = job.max_retries;
  if (job.retry && !isUsual(job.retry)) body.retry = job.retry;
  for (const name of ['timeout_seconds', 'stall_timeout_seconds', 'start_within_seconds']) {
    if (job[name] != null) body[name] = job[name];
  }
  if (!isEmpty(job.tags)) body.tags = job.tags;
  if (!isEmpty(job.metadata)) body.metadata = job.metadata;
  if (job.owner) body.owner = job.owner;
  return body;
}

/** Whether the server hid values of `params`: it shows `***` for secret ones. */
export const hidesSecrets = (params) => Object.values(params ?? {}).includes('***');

/** `curl` with the submission as its body; with a token, one from the shell's own `STINT_TOKEN`. */
export function curlCommand(job, { origin, tokenRequired = false }) {
  const words = ['curl', shellWord(`${origin}/api/jobs`), '-H', shellWord('Content-Type: application/json')];
  if (tokenRequired) words.push('-H', '"Authorization: Bearer $STINT_TOKEN"');
  return [...words, '-d', shellWord(jsonText(submissionOf(job)))].join(' ');
}

const paramText = (value) => (typeof value === 'string' ? value : jsonText(value));

/** Whether flags cannot say it: control characters, a key with a `=`, or text that would be taken for quoted. */
const needsFile = ({ params = {}, tags = {}, ...rest }) =>
  hasControls([params, tags, rest])
  || [...Object.keys(params), ...Object.keys(tags)].some((key) => key.includes('='))
  || Object.values(params).some((value) => typeof value === 'string' && /^\s*"/.test(value));

/** `stint submit` with a flag for each option, or with a job file where flags cannot say it. */
export function stintCommand(job, { origin }) {
  const body = submissionOf(job);
  if (needsFile(body)) {
    return `printf %s ${shellWord(jsonText(body))} | stint submit --job-file - --url ${shellWord(origin)}`;
  }
  const words = ['stint', 'submit', shellWord(job.type)];
  const flag = (name, value) => words.push(`--${name}`, shellWord(value));
  for (const [name, value] of Object.entries(body.params ?? {})) flag('param', `${name}=${paramText(value)}`);
  if (body.queue) flag('queue', body.queue);
  if (body.priority) flag('priority', body.priority);
  if (body.max_retries != null) flag('max-retries', body.max_retries);
  if (body.retry) flag('retry', jsonText(body.retry));
  if (body.timeout_seconds != null) flag('timeout', `${body.timeout_seconds}s`);
  if (body.stall_timeout_seconds != null) flag('stall-timeout', `${body.stall_timeout_seconds}s`);
  if (body.start_within_seconds != null) flag('start-within', `${body.start_within_seconds}s`);
  for (const [key, value] of Object.entries(body.tags ?? {})) flag('tag', `${key}=${value}`);
  if (body.metadata) flag('metadata', jsonText(body.metadata));
  if (body.owner) flag('owner', body.owner);
  flag('url', origin);
  return words.join(' ');
}
