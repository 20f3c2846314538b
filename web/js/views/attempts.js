// The attempts of a job, each with its end.

import { h } from '../render/element.js';
import { attemptsOf } from '../text/life.js';
import { plainLine } from '../text/plain.js';
import { glyph } from './status.js';
import { duration, elapsed } from './time.js';

const mostAttempts = 50;

export function attemptsView(job, history, now) {
  const attempts = attemptsOf(job, history).slice(-mostAttempts);
  return h('section', { class: 'block', id: 'attempts' },
    h('h3', null, 'Attempts'),
    attempts.length === 0 ? h('p', { class: 'quiet-text' }, 'None yet.')
      : h('ol', { class: 'attempt-list' }, attempts.map((entry) =>
        h('li', { class: 'attempt', 'data-status': entry.status, key: `${entry.attempt}-${entry.start ?? entry.end}` },
          h('div', { class: 'attempt-first' },
            glyph(entry.status), h('b', null, `${entry.attempt}`), h('span', null, entry.word),
            h('span', { class: 'attempt-took' },
              entry.end === null ? entry.start && elapsed(entry.start, now) : entry.start
                && duration(entry.end - entry.start))),
          entry.error && h('p', { class: 'attempt-error', dir: 'auto' },
            plainLine(`${entry.error.type}: ${entry.error.message}`.slice(0, 600))),
          entry.worker && h('p', { class: 'attempt-worker' }, h('code', null, plainLine(entry.worker)))))));
}
