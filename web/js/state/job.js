// A job as the list keeps it: the wire's fields but for the heavy ones, and what sorting and searching need.

export const WAITING = ['pending', 'retrying', 'scheduled', 'blocked'];
export const ENDED = ['completed', 'failed', 'cancelled'];
export const STATUSES = ['running', ...WAITING, ...ENDED];

/** The three groups of the queue, in their order. */
export const GROUPS = ['running', 'waiting', 'ended'];

export const isOver = (status) => ENDED.includes(status);
export const isWaiting = (status) => WAITING.includes(status);

export const canCancel = (job) => Boolean(job) && !isOver(job.status);
export const canRetry = (job) => job?.status === 'failed' || job?.status === 'cancelled';

/** 0 running, 1 waiting, 2 ended. */
export const groupOf = (status) => (status === 'running' ? 0 : isOver(status) ? 2 : 1);

const excerptLength = 300;
const summaryLength = 120;

const cut = (text, length) => (text.length > length ? `${text.slice(0, length - 1)}…` : text);

function brief(value) {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.slice(0, 20).map(brief).join(', ');
  if (value && typeof value === 'object') return cut(JSON.stringify(value), summaryLength);
  return String(value);
}

/** One line that tells jobs of a type apart: its params in few words. */
export function summaryOf(params) {
  if (!params || typeof params !== 'object') return '';
  let text = '';
  for (const [name, value] of Object.entries(params)) {
    if (text.length > summaryLength) break;
    text += `${text ? ' · ' : ''}${name} ${cut(brief(value), summaryLength)}`;
  }
  return cut(text, summaryLength);
}

function shortError(error) {
  if (!error) return null;
  if (typeof error === 'string') return { type: 'handler', message: cut(error, excerptLength), attempt: null };
  return { ...error, message: cut(String(error.message ?? ''), excerptLength) };
}

function shortProgress(progress) {
  if (!progress) return null;
  const percent = Math.min(100, Math.max(0, Number(progress.percent) || 0));
  return { percent, message: progress.message ? cut(String(progress.message), excerptLength) : '' };
}

const searchable = (job) =>
  [job.id, job.type, job.queue, job.summary, job.error?.message ?? '', job.error?.type ?? '',
    ...Object.entries(job.tags ?? {}).map(([key, value]) => `${key}:${value}`)].join('\n').toLowerCase();

/** Newest first within a group: by when it started, was submitted, or ended. */
const timeOf = (job, group) =>
  (group === 0 ? job.started_at : group === 2 ? job.completed_at : null) ?? job.created_at ?? 0;

/** Puts the derived fields on; `before` lends what did not change. */
function derived(job, before) {
  const group = groupOf(job.status);
  const time = timeOf(job, group);
  const key = before?.key;
  job.key = key && key.group === group && key.time === time ? key : { group, time, id: job.id };
  const same = before && before.error === job.error && before.tags === job.tags && before.queue === job.queue;
  job.text = same ? before.text : searchable(job);
  return job;
}

/** The list's form of a job from the wire; `asOf` is the count of events it includes. */
export function fromWire(wire, asOf) {
  const { params, result, metadata, ...rest } = wire;
  const job = {
    ...rest, queue: wire.queue ?? 'default', priority: wire.priority ?? 'normal', tags: wire.tags ?? {},
    progress: shortProgress(wire.progress), error: shortError(wire.error), summary: summaryOf(params), asOf,
  };
  return derived(job);
}

/** `job` with some fields of the wire changed. */
export function changed(job, fields, asOf) {
  const next = { ...job, ...fields, asOf };
  if ('error' in fields) next.error = shortError(fields.error);
  if ('progress' in fields) next.progress = shortProgress(fields.progress);
  return derived(next, job);
}

/** How many retries are used up. */
export const retriesUsed = (job) => Math.min(job.retry_count ?? 0, job.max_retries ?? 0);

/** The number of the last attempt there can be, if none is lost or released from now on. */
export function lastAttempt(job) {
  const left = Math.max(0, (job.max_retries ?? 0) - (job.retry_count ?? 0));
  if (isOver(job.status) && job.status !== 'completed') return job.attempt;
  return job.attempt + left + (job.status === 'retrying' ? 1 : 0);
}

export function compareKeys(a, b) {
  if (a.group !== b.group) return a.group - b.group;
  if (a.time !== b.time) return b.time - a.time;
  return a.id < b.id ? 1 : a.id > b.id ? -1 : 0;
}

export const compareIds = (a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
