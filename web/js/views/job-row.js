// One job of the list: two lines, status at the left, time at the right.

import { h } from '../render/element.js';
import { canCancel, canRetry, isOver, lastAttempt, retriesUsed } from '../state/job.js';
import { countdownText } from '../text/time.js';
import { plainLine, shortId } from '../text/plain.js';
import { icon } from './icons.js';
import { progressBar } from './progress-bar.js';
import { statusBadge } from './status.js';
import { duration, elapsed, timeAgo } from './time.js';

const until = (time, now) => {
  const text = countdownText(time, now);
  return text === 'now' ? 'now' : `in ${text}`;
};

const note = (text, kind) => h('span', { class: 'row-note', 'data-kind': kind, dir: 'auto' }, plainLine(text));

/** The second line: what matters most for the status. */
function secondLine(job, now) {
  switch (job.status) {
    case 'running':
      return [progressBar(job),
        h('span', { class: 'row-percent' }, job.progress ? `${Math.round(job.progress.percent)} %` : ''),
        note(job.cancel_requested_at ? 'asked to stop' : job.progress?.message ?? 'started')];
    case 'retrying':
      return [h('span', { class: 'row-lead' }, `retries ${job.next_retry_at ? until(job.next_retry_at, now) : 'soon'}`),
        note(job.error?.message ?? '', 'error')];
    case 'scheduled':
      return [h('span', { class: 'row-lead' }, `starts ${job.run_at ? until(job.run_at, now) : 'later'}`),
        note(job.summary)];
    case 'blocked':
      return [h('span', { class: 'row-lead' }, 'waits for other jobs'), note(job.summary)];
    case 'failed':
      return [
        job.escalated_to && h('span', { class: 'row-lead' }, `taken over by ${plainLine(shortId(job.escalated_to))}`),
        note(job.error ? `${job.error.type}: ${job.error.message}` : 'failed', 'error')];
    case 'cancelled':
      return [note(job.cancelled_by ? `cancelled by ${job.cancelled_by}` : job.summary || 'cancelled')];
    default:
      return [note(job.summary || (job.status === 'pending' ? 'waits for a free slot' : ''))];
  }
}

function chips(job) {
  return [
    job.queue !== 'default' && h('span', { class: 'chip', title: `Queue ${job.queue}` }, plainLine(job.queue)),
    job.priority !== 'normal' && h('span', { class: 'chip', 'data-priority': job.priority, title: 'Priority' },
      job.priority),
    (job.attempt > 1 || job.status === 'retrying') && h('span', {
      class: 'chip', title: `Attempt ${job.attempt}; ${retriesUsed(job)} of ${job.max_retries ?? 0} retries used`,
    }, `attempt ${job.attempt} of ${lastAttempt(job)}`),
  ];
}

/** What can be done with one press while the pointer is on the row; the keys `c` and `r` do the same. */
function act(job, actions) {
  const [name, does, words] = canCancel(job)
    ? ['stop', actions.cancelJob, job.status === 'running' ? 'Cancel: asks the attempt to stop' : 'Cancel: it will not start']
    // Of one that was taken over, the last of its chain would run again: that one has its own row.
    : canRetry(job) && !job.escalated_to ? ['retry', actions.retryJob, 'Retry: puts it back into the queue'] : [null];
  if (!name || (job.status === 'running' && job.cancel_requested_at)) return null;
  return h('button', {
    class: 'icon-button row-act', tabindex: -1, title: words, 'aria-label': `${words}, ${plainLine(shortId(job.id))}`,
    onclick: (event) => {
      event.stopPropagation();
      does(job.id);
    },
  }, icon(name));
}

function times(job, now) {
  const took = job.status === 'running' && job.started_at ? elapsed(job.started_at, now)
    : isOver(job.status) && job.duration_seconds != null ? duration(job.duration_seconds) : null;
  const when = isOver(job.status) && job.completed_at ? job.completed_at : job.created_at;
  return [took && h('span', { class: 'row-took' }, took), h('span', { class: 'row-when' }, timeAgo(when, now))];
}

/** `place`: {top, index, isSelected, isActive, canWrite} */
export function jobRow(job, now, { top, index, isSelected, isActive, canWrite }, actions) {
  return h('div', {
    class: 'row', role: 'row', 'data-job': job.id, 'data-status': job.status, tabindex: isActive ? 0 : -1,
    'aria-rowindex': index, 'aria-selected': String(isSelected), style: { transform: `translateY(${top}px)` },
    onclick: () => actions.openJob(job.id), onfocus: () => actions.activate(job.id),
  },
  h('div', { role: 'gridcell', class: 'row-status' }, statusBadge(job)),
  h('div', { role: 'gridcell', class: 'row-main' },
    h('div', { class: 'row-first' },
      h('span', { class: 'row-type', dir: 'auto' }, plainLine(job.type)),
      h('code', { class: 'row-id', title: job.id }, plainLine(shortId(job.id))), chips(job)),
    h('div', { class: 'row-second' }, secondLine(job, now))),
  h('div', { role: 'gridcell', class: 'row-times' }, times(job, now), canWrite && act(job, actions)));
}
