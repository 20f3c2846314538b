// The attempts of a job, each with its end and its whole error; those of the jobs it took over from come first.

import { h } from '../render/element.js';
import { attemptsOf } from '../text/life.js';
import { plainLine, plainText, shortId } from '../text/plain.js';
import { glyph } from './status.js';
import { duration, elapsed } from './time.js';

const mostAttempts = 50;
/** An error is shown at once up to this length, and longer ones when they are opened, up to the other. */
const [shortError, longestError] = [300, 20_000];

function errorView({ type, message }) {
  const text = String(message ?? '');
  if (text.length <= shortError) return h('p', { class: 'attempt-error', dir: 'auto' }, plainText(`${type}: ${text}`));
  return h('details', { class: 'attempt-error' },
    h('summary', { dir: 'auto' }, plainLine(`${type}: ${text.slice(0, shortError)}…`)),
    h('pre', { tabindex: 0, role: 'region', 'aria-label': 'Whole error', dir: 'auto' },
      plainText(text.slice(0, longestError))));
}

const otherJob = (id, actions) => [' of ', h('a', {
  href: `#/jobs/${encodeURIComponent(id)}`, title: plainLine(id),
  onclick: (event) => {
    event.preventDefault();
    actions.openJob(id);
    actions.focusDetail();
  },
}, plainLine(shortId(id)))];

function attemptView(entry, now, actions) {
  const took = entry.end === null ? entry.start && elapsed(entry.start, now)
    : entry.start && duration(entry.end - entry.start);
  return h('li', {
    class: 'attempt', 'data-status': entry.status, 'data-attempt': entry.attempt,
    key: `${entry.job ?? ''} ${entry.attempt} ${entry.start ?? entry.end}`,
  },
  h('div', { class: 'attempt-first' },
    glyph(entry.status), h('b', null, `${entry.attempt}`, entry.job && otherJob(entry.job, actions)),
    h('span', null, entry.word), h('span', { class: 'attempt-took' }, took)),
  entry.error && errorView(entry.error),
  entry.worker && h('p', { class: 'attempt-worker' }, h('code', null, plainLine(entry.worker))));
}

export function attemptsView(job, history, now, actions) {
  const all = attemptsOf(job, history);
  const left = all.length - mostAttempts;
  return h('section', { class: 'block', id: 'attempts' },
    h('h3', null, 'Attempts'),
    left > 0 && h('p', { class: 'hint' }, `${left} earlier attempts are not shown.`),
    all.length === 0 ? h('p', { class: 'quiet-text' }, 'None yet.')
      : h('ol', { class: 'attempt-list' }, all.slice(-mostAttempts).map((entry) => attemptView(entry, now, actions))));
}
