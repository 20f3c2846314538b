// How far a running job is.

import { h } from '../render/element.js';
import { plainLine } from '../text/plain.js';

export function progressBar(job) {
  const percent = job.progress?.percent ?? null;
  const whole = percent === null ? null : Math.round(percent);
  return h('div', {
    class: 'progress', role: 'progressbar', 'aria-label': `Progress of ${plainLine(job.type)}`, 'aria-valuemin': 0,
    'aria-valuemax': 100, 'aria-valuenow': whole ?? 0,
    'aria-valuetext': whole === null ? 'no progress reported' : `${whole} %`, 'data-unknown': whole === null,
  }, h('div', { class: 'progress-fill', style: { transform: `scaleX(${(percent ?? 0) / 100})` } }));
}
