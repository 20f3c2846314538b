// A job's whole life: a bar in proportion, and the steps in order.

import { h } from '../render/element.js';
import { lifeOf } from '../text/life.js';
import { plainLine } from '../text/plain.js';
import { durationText, tickingText } from '../text/duration.js';
import { absoluteText, clockText, isoText } from '../text/time.js';
import { glyph } from './status.js';

const mostSteps = 60;

const lengthText = (step, now) => (step.to === null ? tickingText(now - step.from) : durationText(step.to - step.from));

function step(entry, now) {
  const isSpan = entry.kind !== 'event';
  return h('li', { class: 'step', 'data-kind': entry.kind, 'data-status': entry.status },
    h('span', { class: 'step-mark' }, glyph(entry.kind === 'wait' && entry.to !== null ? 'pending' : entry.status)),
    h('span', { class: 'step-word' }, entry.word,
      entry.outcome && h('span', { class: 'step-outcome' }, `: ${entry.outcome.toLowerCase()}`),
      entry.by && h('span', { class: 'step-by', dir: 'auto' }, ` by ${plainLine(entry.by)}`)),
    h('span', { class: 'step-length' }, isSpan ? lengthText(entry, now)
      : h('time', { datetime: isoText(entry.from), title: absoluteText(entry.from) }, clockText(entry.from))));
}

export function timelineView(job, history, now) {
  const steps = lifeOf(job, history);
  const spans = steps.filter((entry) => entry.kind !== 'event');
  const total = spans.reduce((sum, entry) => sum + Math.max(0, (entry.to ?? now) - entry.from), 0);
  const left = steps.length - mostSteps;
  return h('section', { class: 'block', id: 'timeline' },
    h('h3', null, 'Life'),
    spans.length > 0 && h('div', { class: 'life-bar', 'aria-hidden': 'true' }, spans.slice(-200).map((entry) => {
      const seconds = Math.max(0, (entry.to ?? now) - entry.from);
      return h('span', {
        'data-kind': entry.kind, 'data-status': entry.status, title: `${entry.word}: ${lengthText(entry, now)}`,
        style: { 'flex-grow': String(total > 0 ? Math.max(seconds / total, 0.012) : 1) },
      });
    })),
    left > 0 && h('p', { class: 'hint' }, `${left} earlier steps are not shown.`),
    h('ol', { class: 'steps' }, steps.slice(-mostSteps).map((entry) => step(entry, now))));
}
