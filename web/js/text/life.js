// A job's whole life as steps and spans, from its history and its present state.

import { isOver } from '../state/job.js';

const words = {
  submitted: 'Submitted', promoted: 'Became due', unblocked: 'Dependencies met', succeeded: 'Completed',
    failed: 'Failed',
  timed_out: 'Timed out', stalled: 'Stalled', gave_up: 'Gave up', undecodable: 'Params unreadable', snoozed: 'Snoozed',
  released: 'Released', stopped: 'Stopped', worker_lost: 'Worker lost', start_expired: 'Waited too long',
  deadline_exceeded: 'Deadline passed', cancel_requested: 'Cancel asked for', dependency_failed: 'A dependency failed',
  retried: 'Retry asked for',
};

/** `timed_out` → `Timed out`. */
export function eventWord(name) {
  if (words[name]) return words[name];
  const text = String(name).replaceAll('_', ' ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The events of the job itself, without those of the jobs that it took over from. */
const ownEvents = (job, history) => (history ?? []).filter((entry) => !entry.job_id || entry.job_id === job.id);

/**
 * The attempts of a history, with the one that runs now: `{attempt, status, word, start, end, worker, error, job}`;
 * `job` is the id of the job that it took over from, where the attempt was of that one.
 */
export function attemptsOf(job, history) {
  const attempts = (history ?? []).filter((entry) => entry.ended_at != null).map((entry) => ({
    attempt: entry.attempt, status: outcomeOf(entry), word: eventWord(entry.event), start: entry.started_at,
    end: entry.ended_at, worker: entry.worker_id, error: entry.error,
    job: entry.job_id && entry.job_id !== job.id ? entry.job_id : null,
  }));
  if (job.status === 'running' && !attempts.some((entry) => !entry.job && entry.attempt === job.attempt)) {
    attempts.push({
      attempt: job.attempt, status: 'running', word: 'Running', start: job.started_at, end: null,
      worker: job.worker_id, error: null, job: null,
    });
  }
  return attempts;
}

function outcomeOf(entry) {
  if (entry.status === 'completed' || entry.status === 'cancelled') return entry.status;
  if (entry.status === 'failed') return 'failed';
  return entry.error ? 'retrying' : 'pending';
}

/**
 * The life in order: `{kind: 'event' | 'wait' | 'attempt', status, word, from, to, …}`; `to` is null where
 * it goes on. Waits and attempts follow one another without a gap.
 */
export function lifeOf(job, history) {
  const steps = [];
  let since = job.created_at;
  const wait = (until, status = 'pending', word = 'Waited') => {
    if (until === null || until - since > 0.0005) steps.push({ kind: 'wait', status, word, from: since, to: until });
  };
  const own = ownEvents(job, history);
  const entries = own.length ? own : [{ event: 'submitted', status: 'pending', at: job.created_at,
    attempt: 0 }];
  let waitStatus = 'pending';
  for (const entry of entries) {
    // That an attempt began is told by the job itself.
    if (entry.event === 'claimed') continue;
    const hasAttempt = entry.started_at != null && entry.ended_at != null;
    if (hasAttempt) {
      wait(entry.started_at, waitStatus, waitWord(waitStatus));
      const end = entry.ended_at;
      steps.push({
        kind: 'attempt', status: outcomeOf(entry), word: `Attempt ${entry.attempt}`, outcome: eventWord(entry.event),
        from: entry.started_at, to: end, error: entry.error, worker: entry.worker_id,
      });
      since = end;
    } else {
      if (entry.event !== 'submitted' && isOver(entry.status)) wait(entry.at, waitStatus, waitWord(waitStatus));
      if (entry.event !== 'submitted' && isOver(entry.status)) since = entry.at;
      steps.push({
        kind: 'event', status: entry.status, word: eventWord(entry.event), from: entry.at, to: entry.at, by: entry.by,
        via: entry.from, error: entry.error,
      });
      if (entry.event === 'retried') since = entry.at;
    }
    waitStatus = entry.status === 'retrying' || entry.status === 'scheduled' ? entry.status : 'pending';
  }
  if (job.status === 'running') {
    if (!steps.some((step) => step.kind === 'attempt' && step.word === `Attempt ${job.attempt}`)) {
      if (job.started_at) wait(job.started_at, waitStatus, waitWord(waitStatus));
      steps.push({
        kind: 'attempt', status: 'running', word: `Attempt ${job.attempt}`, outcome: 'Running',
        from: job.started_at ?? since, to: null, worker: job.worker_id,
      });
    }
  } else if (!isOver(job.status)) {
    wait(null, job.status, waitingWord(job.status));
  }
  return steps;
}

const waitWord = (status) =>
  ({ retrying: 'Waited to retry', scheduled: 'Waited for its time' })[status] ?? 'Waited for a slot';

const waitingWord = (status) =>
  ({
    retrying: 'Waits to retry', scheduled: 'Waits for its time', blocked: 'Waits for other jobs',
  })[status] ?? 'Waits for a slot';
