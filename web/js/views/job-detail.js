// The panel of the chosen job.

import { h, keyed } from '../render/element.js';
import { detailJob, retryTarget } from '../state/detail.js';
import { canCancel, isOver, lastAttempt, retriesUsed } from '../state/job.js';
import { tickingText } from '../text/duration.js';
import { clockText, countdownText } from '../text/time.js';
import { plural } from '../text/number.js';
import { linkOf, plainLine, plainText, shortId } from '../text/plain.js';
import { attemptsView } from './attempts.js';
import { icon } from './icons.js';
import { jsonBlock } from './json-block.js';
import { progressBar } from './progress-bar.js';
import { statusBadge } from './status.js';
import { duration, elapsed, timeInFull } from './time.js';
import { timelineView } from './timeline.js';

/** What the button will do. */
export function actionWords(job, state) {
  if (job.status === 'running') return 'Cancel asks the running attempt to stop; it is not retried.';
  if (canCancel(job)) return 'Cancel ends the job now; it will not start.';
  const target = retryTarget(job, state);
  if (!target) return null;
  const what = target.id === job.id ? 'it'
    : `${plainLine(target.type)} ${plainLine(shortId(target.id))}, the last that took over,`;
  return `Retry puts ${what} back into the queue; the next attempt is number ${(target.attempt ?? 0) + 1}, `
    + 'counts start anew.';
}

function actionsView(job, state, actions) {
  const canWrite = !state.session?.read_only && !state.detail.gone;
  const stopping = job.status === 'running' && job.cancel_requested_at;
  const words = canWrite ? actionWords(job, state) : null;
  return h('div', { class: 'detail-actions' },
    h('div', { class: 'button-line' },
      canWrite && canCancel(job) && h('button', {
        id: 'cancel-job', class: 'danger', disabled: Boolean(stopping), onclick: () => actions.cancelJob(job.id),
          'aria-describedby': 'action-words',
      }, icon('stop'), h('span', null, stopping ? 'Stopping…' : 'Cancel')),
      canWrite && retryTarget(job, state) && h('button', {
        id: 'retry-job', class: 'primary', onclick: () => actions.retryJob(job.id), 'aria-describedby': 'action-words',
      }, icon('retry'), h('span', null, 'Retry')),
      h('button', {
        id: 'copy-curl', class: 'quiet', title: 'Copies a curl command that submits this job again',
        onclick: () => actions.copyCommand(job, 'curl'),
      }, icon('copy'), h('span', null, 'curl')),
      h('button', {
        id: 'copy-command', class: 'quiet', title: 'Copies a stint command that submits this job again',
        onclick: () => actions.copyCommand(job, 'stint'),
      }, icon('copy'), h('span', null, 'stint'))),
    words && h('p', { class: 'hint', id: 'action-words' }, words));
}

function progressView(job) {
  if (!job.progress && job.status !== 'running') return null;
  const percent = job.progress ? `${Math.round(job.progress.percent)} %` : 'no report yet';
  const lead = job.status === 'running' || job.status === 'completed' ? null : h('span', null, 'Reached ');
  return h('div', { class: 'detail-progress', 'data-field': 'progress', 'data-status': job.status },
    job.status === 'running' ? progressBar(job) : null,
    h('p', null, lead, h('b', null, percent), ' ', h('span', { dir: 'auto' }, plainLine(job.progress?.message ?? ''))));
}

function stateWords(job, now) {
  if (job.status === 'retrying' && job.next_retry_at) {
    const left = Math.ceil(job.next_retry_at - now);
    const failed = job.attempt ? `Attempt ${job.attempt} of ${lastAttempt(job)} did not end well. ` : '';
    return `${failed}Next attempt ${left > 0 ? `in ${tickingText(left)}, at ${clockText(job.next_retry_at)}` : 'now'}.`;
  }
  if (job.status === 'scheduled') {
    const left = countdownText(job.run_at, now);
    return `Starts ${left === 'now' ? 'now' : `in ${left}`}.`;
  }
  if (job.status === 'pending') return 'Waits for a free worker slot.';
  if (job.status === 'blocked') return 'Waits for the jobs it depends on.';
  if (job.status === 'running' && job.cancel_requested_at) {
    return job.cancelled_by ? `Asked to stop by ${plainLine(job.cancelled_by)}.` : 'Asked to stop.';
  }
  if (job.status === 'cancelled' && job.cancelled_by) return `Cancelled by ${plainLine(job.cancelled_by)}.`;
  return null;
}

/** The jobs before and after it in its chain: where one took over from another that failed. */
export function chainView(job, actions) {
  const link = (name, words, id) => id && h('p', { 'data-field': name, key: name },
    icon('link'), h('span', null, words), h('a', {
      href: `#/jobs/${encodeURIComponent(id)}`, title: plainLine(id), dir: 'auto',
      onclick: (event) => {
        event.preventDefault();
        actions.openJob(id);
        actions.focusDetail();
      },
    }, plainLine(shortId(id))));
  if (!job.escalated_from && !job.escalated_to) return null;
  return h('div', { class: 'chain', id: 'chain' },
    link('escalated-from', 'Took over from ', job.escalated_from),
    link('escalated-to', 'Failed, and was taken over by ', job.escalated_to));
}

const fact = (name, label, ...value) => h('div', { class: 'fact', 'data-fact': name },
  h('dt', null, label), h('dd', { 'data-field': name, dir: 'auto' }, value));

function tagsView(tags) {
  const entries = Object.entries(tags ?? {});
  return entries.length === 0 ? '—' : entries.map(([key, value]) => h('span', { class: 'chip', key },
    plainLine(`${key}=${value}`)));
}

function durationView(job, now) {
  if (job.status === 'running' && job.started_at) return elapsed(job.started_at, now);
  return job.duration_seconds == null ? '—' : duration(job.duration_seconds);
}

function factsView(job, now, actions) {
  const time = (seconds) => (seconds == null ? '—' : timeInFull(seconds, now));
  const limits = [
    ['timeout_seconds', 'Timeout'], ['stall_timeout_seconds', 'Stall timeout'], ['start_within_seconds',
      'Start within'],
  ];
  return h('dl', { class: 'facts' },
    fact('id', 'Id', h('code', null, plainLine(job.id)), h('button', {
      class: 'icon-button small', 'aria-label': 'Copy id', title: 'Copy id', onclick: () => actions.copy(job.id,
        'Id copied'),
    }, icon('copy'))),
    fact('attempt', 'Attempt', job.attempt ? `${job.attempt} of ${lastAttempt(job)}` : 'none yet',
      ` · ${retriesUsed(job)} of ${job.max_retries ?? 0} retries used`),
    job.losses > 0 ? fact('losses', 'Losses', `${plural(job.losses, 'worker')} lost while running it`) : null,
    job.status === 'retrying' && job.next_retry_at ? fact('next-retry', 'Next try', time(job.next_retry_at)) : null,
    fact('queue', 'Queue', plainLine(job.queue)),
    fact('priority', 'Priority', job.priority),
    fact('created', 'Submitted', time(job.created_at)),
    job.run_at && job.run_at - job.created_at > 0.001 ? fact('run-at', 'Due', time(job.run_at)) : null,
    fact('started', 'Started', time(job.started_at)),
    fact('completed', 'Ended', time(job.completed_at)),
    fact('duration', 'Duration', durationView(job, now)),
    fact('worker', 'Worker', job.worker_id ? h('code', null, plainLine(job.worker_id)) : '—'),
    fact('tags', 'Tags', tagsView(job.tags)),
    job.owner && fact('owner', 'Owner', plainLine(job.owner)),
    job.cancelled_by && fact('cancelled-by', 'Cancelled by', plainLine(job.cancelled_by)),
    job.deadline_at && fact('deadline', 'Deadline', time(job.deadline_at)),
    limits.map(([name, label]) => job[name] != null && fact(name, label, duration(job[name]))));
}

function errorView(job) {
  if (!job.error) return null;
  return h('section', { class: 'block error-block', 'data-block': 'error' },
    h('h3', null, job.status === 'failed' ? 'Error' : 'Last error'),
    h('div', { 'data-field': 'error' },
      h('p', { class: 'error-type' }, plainLine(job.error.type), job.error.attempt
        ? ` · attempt ${job.error.attempt}` : ''),
      h('pre', { tabindex: 0, role: 'region', 'aria-label': 'Error message', dir: 'auto' },
        plainText(job.error.message))));
}

const mostLinks = 10;

/** The addresses a fetch job's params name, as links: http and https only, each once. */
export function linksView(job) {
  const found = new Map();
  for (const text of [job.params?.url, ...(Array.isArray(job.params?.urls) ? job.params.urls : [])]) {
    const link = typeof text === 'string' ? linkOf(text) : null;
    if (link && !found.has(link)) found.set(link, text);
    if (found.size === mostLinks) break;
  }
  if (found.size === 0) return null;
  return h('ul', { class: 'links' }, [...found].map(([link, text]) => h('li', { key: link },
    icon('link'), h('a', { href: link, target: '_blank', rel: 'noopener noreferrer', dir: 'ltr' }, plainLine(text)))));
}

/** The result; what was read before the attempt completed knows none. */
export function resultView(job, whole, actions) {
  const isRead = whole?.status === 'completed' && whole.attempt === job.attempt;
  return jsonBlock({ name: 'result', label: 'Result', value: isRead ? whole.result : undefined,
    note: isRead ? 'null' : 'Reading…' }, actions);
}

function missingView(state) {
  const { detail } = state;
  const words = detail.gone ? 'There is no such job. It may have been removed.' : detail.fault ?? 'Reading the job…';
  return h('p', { class: 'quiet-text' }, words);
}

/** What stands above the output. */
function upperView(job, state, actions) {
  const { detail } = state;
  const words = stateWords(job, Math.floor(state.now));
  return [
    detail.gone && h('p', { class: 'gone', role: 'status' },
      'This job was removed. What is shown is what was last known.'),
    detail.fault && !detail.gone && h('p', { class: 'gone', role: 'status' }, plainText(detail.fault)),
    actionsView(job, state, actions),
    words && h('p', { class: 'state-words', 'data-field': 'state' }, words),
    chainView(job, actions),
    progressView(job),
    errorView(job),
  ];
}

/** What stands below it. */
function lowerView(job, state, actions) {
  const { detail } = state;
  const now = Math.floor(state.now);
  const whole = detail.whole;
  return [
    job.status === 'completed' && resultView(job, whole, actions),
    jsonBlock({ name: 'params', label: 'Params', value: whole?.params, note: whole ? 'null' : 'Reading…' }, actions),
    linksView(job),
    timelineView(job, detail.history, now),
    attemptsView(job, detail.history, now, actions),
    h('section', { class: 'block' }, h('h3', null, 'Facts'), factsView(job, now, actions)),
    whole?.metadata && Object.keys(whole.metadata).length > 0
      && jsonBlock({ name: 'metadata', label: 'Metadata', value: whole.metadata }, actions),
  ];
}

/** `output` is the view of the output, which changes more often than the rest. */
export function jobDetailView(state, actions, output) {
  const { detail } = state;
  if (!detail) return null;
  const job = detailJob(state);
  const target = retryTarget(job, state);
  const inputs = [job?.asOf, target, detail, Math.floor(state.now), state.session];
  const part = (name, draw) => keyed(name, inputs, () => h('div', { class: 'detail-part' }, draw()));
  return [
    h('div', { class: 'detail-head' },
      h('div', { class: 'detail-title' },
        h('h2', { id: 'detail-title', tabindex: -1, dir: 'auto' }, job ? plainLine(job.type) : 'Job'),
        job && h('span', { 'data-field': 'status' }, statusBadge(job))),
      h('button', { id: 'close-detail', class: 'icon-button', 'aria-label': 'Close', title: 'Close (Escape)',
        onclick: actions.closeJob },
        icon('close'))),
    h('div', { class: 'detail-body', key: `body-${detail.id}` },
      part('upper', () => (job ? upperView(job, state, actions) : missingView(state))),
      job && output.view(state),
      job && part('lower', () => lowerView(job, state, actions))),
  ];
}
