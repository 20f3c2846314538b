// The page of workers: who they are, how busy, and what they run.

import { h, keyed } from '../render/element.js';
import { hashOf } from '../route.js';
import { hasNone, hasProcesses, knownCount, workerTotals } from '../state/workers.js';
import { durationText } from '../text/duration.js';
import { countText, plural } from '../text/number.js';
import { plainLine, plainText, shortId } from '../text/plain.js';
import { icon } from './icons.js';
import { progressBar } from './progress-bar.js';
import { glyph } from './status.js';
import { elapsed, timeAgo } from './time.js';

const mostWorkers = 100;
const mostJobs = 32;

const states = { idle: ['pending', 'Idle'], busy: ['running', 'Busy'], draining: ['blocked', 'Draining'] };

function stateView(worker) {
  const [status, word] = states[worker.state] ?? ['pending', worker.state];
  return h('span', { class: 'status', 'data-status': status }, glyph(status), h('span', null, word));
}

function jobView(job, state, actions) {
  const percent = Number.isFinite(job.percent) ? job.percent : null;
  return h('li', { class: 'worker-job', key: job.id, 'data-job': job.id, 'data-status': 'running' },
    h('div', { class: 'worker-line' },
      h('a', {
        class: 'dead-open', 'data-row': true, href: hashOf(state, { selected: job.id }),
        onclick: (event) => {
          event.preventDefault();
          actions.openJob(job.id);
          actions.focusDetail();
        },
      }, h('span', { class: 'row-type', dir: 'auto' }, plainLine(job.type)),
      h('code', { title: job.id }, plainLine(shortId(job.id)))),
      h('span', { class: 'worker-took' },
        job.started_at ? elapsed(job.started_at, Math.floor(state.now)) : 'starting',
        job.estimated_seconds != null && h('span', null, ` of about ${durationText(job.estimated_seconds)}`))),
    h('div', { class: 'row-second' },
      progressBar({ type: job.type, progress: percent === null ? null : { percent } }),
      h('span', { class: 'row-percent' }, percent === null ? '' : `${Math.round(percent)} %`),
      job.label && h('span', { class: 'row-note', dir: 'auto' }, plainLine(job.label))));
}

function workerView(worker, state, actions) {
  const left = worker.jobs.length - mostJobs;
  const types = worker.types ?? [];
  // A worker over HTTP need not say where it runs: then its name tells it from others.
  const hasProcess = worker.pid > 0;
  const place = hasProcess ? `${worker.host}, process ${worker.pid}` : worker.id;
  return h('li', { class: 'worker', 'data-worker': worker.id, 'data-state': worker.state },
    h('div', { class: 'worker-line' }, stateView(worker),
      h('span', { class: 'worker-place', dir: 'auto' }, plainLine(place)),
      h('span', { class: 'worker-slots', 'data-field': 'slots' },
        `${countText(worker.jobs.length)} of ${plural(worker.slots, 'slot')}`)),
    h('p', { class: 'worker-facts' }, hasProcess ? h('code', null, plainLine(worker.id)) : plainLine(`at ${worker.host}`),
      ` · ${plural(worker.processed, 'job')} done`,
      worker.abandoned > 0 && h('span', { class: 'worker-abandoned' },
        ` · ${plural(worker.abandoned, 'attempt')} that ${worker.abandoned === 1 ? 'does' : 'do'} not stop`),
      worker.started_at ? [' · started ', timeAgo(worker.started_at, Math.floor(state.now))] : null,
      types.length > 0 && h('span', { title: types.map(plainLine).join(', ').slice(0, 1000) },
        ` · ${plural(types.length, 'job type')}`)),
    worker.jobs.length > 0 && h('ul', { class: 'worker-jobs' },
      worker.jobs.slice(0, mostJobs).map((job) => jobView(job, state, actions))),
    left > 0 && h('p', { class: 'hint' }, `${plural(left, 'more job')} not shown.`));
}

/** Puts the known number into the field, unless somebody is writing another one. To be called once it is drawn. */
export function workersDrawn(state) {
  const field = document.getElementById('worker-count');
  const known = String(knownCount(state.workers) ?? '');
  if (!field || field.dataset.known === known) return;
  const isWriting = field === document.activeElement && field.value !== (field.dataset.known ?? '');
  if (isWriting && field.value !== known) return;
  field.dataset.known = known;
  field.value = known;
}

/** Asks the server to run more or fewer jobs at once. */
function countView(state, actions) {
  const { workers } = state;
  if (hasNone(workers)) {
    return h('p', { id: 'worker-none', class: 'hint', key: 'none' },
      'This server runs no workers itself: how many there are is not changed here.');
  }
  const field = () => document.getElementById('worker-count');
  /** From what stands in the field where that was not sent yet, else from what the server runs. */
  const step = (by) => {
    const { value, dataset } = field();
    const isWritten = value.trim() !== '' && value !== dataset.known;
    if (isWritten) actions.setWorkerCount(String(Math.max(0, Number(value) + by)));
    else actions.addWorkers(by);
  };
  return h('form', {
    id: 'worker-count-form', novalidate: true, key: 'count',
    onsubmit: (event) => {
      event.preventDefault();
      actions.setWorkerCount(field().value);
    },
  },
  h('label', { for: 'worker-count' },
    hasProcesses(workers) ? 'Worker processes of this server' : 'Jobs at once in this server'),
  h('div', { class: 'stepper' },
    h('button', {
      id: 'worker-fewer', type: 'button', class: 'icon-button', 'aria-label': 'One fewer', title: 'One fewer',
      disabled: knownCount(workers) === 0, onclick: () => step(-1),
    }, icon('minus')),
    h('input', {
      id: 'worker-count', type: 'number', min: 0, max: 1000, inputmode: 'numeric', placeholder: '–',
      autocomplete: 'off',
      'aria-invalid': workers.countFault ? 'true' : null,
      'aria-describedby': workers.countFault ? 'worker-count-error' : null,
    }),
    h('button', {
      id: 'worker-more', type: 'button', class: 'icon-button', 'aria-label': 'One more', title: 'One more',
      onclick: () => step(1),
    }, icon('plus')),
    h('button', { id: 'worker-set', type: 'submit' }, 'Set')),
  workers.countFault && h('p', { class: 'fault', id: 'worker-count-error', role: 'alert' },
    plainText(workers.countFault)));
}

function totalsText({ workers: { list }, stats }) {
  if (list === null) return 'Reading…';
  const { slots, busy, processed } = workerTotals(list, stats);
  return `${plural(list.length, 'worker')}, ${countText(busy)} of ${plural(slots, 'slot')} busy, `
    + `${plural(processed, 'job')} done`;
}

export function workersView(state, actions) {
  const { list, fault } = state.workers;
  const left = (list?.length ?? 0) - mostWorkers;
  return [
    h('div', { class: 'page-head' },
      h('h2', { id: 'workers-title', tabindex: -1 }, 'Workers'),
      h('p', { id: 'workers-count' }, list === null && fault ? '' : totalsText(state))),
    !state.session?.read_only && countView(state, actions),
    h('div', { class: 'page-body', key: 'body', tabindex: 0, role: 'region', 'aria-label': 'List of workers' },
      fault && h('div', { id: 'workers-fault', class: 'page-fault', role: 'alert' },
        h('p', { dir: 'auto' }, `The workers could not be read: ${plainLine(fault)}`)),
      list?.length === 0 && h('div', { id: 'workers-empty', class: 'empty' },
        h('h3', null, 'No workers'),
        h('p', null, 'Jobs wait until one starts: ', h('code', null, 'stint start-workers'))),
      h('ul', { id: 'worker-list' },
        (list ?? []).slice(0, mostWorkers).map((worker) =>
          keyed(worker.id, [worker, Math.floor(state.now)], () => workerView(worker, state, actions)))),
      left > 0 && h('p', { class: 'hint' }, `${plural(left, 'more worker')} not shown.`)),
  ];
}
