// A status as glyph and word. Colour comes from css/status.css by `data-status`.

import { h } from '../render/element.js';

export const STATUS_WORDS = {
  running: 'Running', pending: 'Pending', retrying: 'Retrying', scheduled: 'Scheduled', blocked: 'Blocked',
  completed: 'Completed', failed: 'Failed', cancelled: 'Cancelled',
};

const shapes = {
  running: [['circle', { cx: 8, cy: 8, r: 5.5, class: 'glyph-track' }], ['path', { d: 'M8 2.5a5.5 5.5 0 0 1 5.5 5.5',
    class: 'glyph-turn' }]],
  pending: [['circle', { cx: 8, cy: 8, r: 5.5, 'stroke-dasharray': '2.2 2.12' }]],
  retrying: [['path', { d: 'M13.2 6.2A5.5 5.5 0 1 0 13.5 8.6' }], ['path', { d: 'M13.6 2.9v3.4h-3.4' }]],
  scheduled: [['circle', { cx: 8, cy: 8, r: 5.5 }], ['path', { d: 'M8 5v3.2l2.1 1.3' }]],
  blocked: [['circle', { cx: 8, cy: 8, r: 5.5 }], ['path', { d: 'M6.4 5.8v4.4M9.6 5.8v4.4' }]],
  completed: [['circle', { cx: 8, cy: 8, r: 6.5, class: 'glyph-fill' }], ['path', { d: 'M5.2 8.2l2 2 3.7-4.2',
    class: 'glyph-mark' }]],
  failed: [['circle', { cx: 8, cy: 8, r: 6.5, class: 'glyph-fill' }], ['path',
    { d: 'M5.8 5.8l4.4 4.4M10.2 5.8l-4.4 4.4', class: 'glyph-mark' }]],
  cancelled: [['circle', { cx: 8, cy: 8, r: 5.5 }], ['path', { d: 'M4.2 11.8l7.6-7.6' }]],
};

/** The drawn glyph of a status; the word beside it says the same. */
export const glyph = (status) =>
  h('svg', { class: 'glyph', viewBox: '0 0 16 16', 'aria-hidden': 'true', 'data-glyph': status },
    (shapes[status] ?? shapes.pending).map(([tag, props]) => h(tag, props)));

/** The word for how a job stands; one that was asked to stop is stopping. */
export const statusWord = (job) =>
  job.status === 'running' && job.cancel_requested_at ? 'Stopping' : STATUS_WORDS[job.status] ?? job.status;

export const statusBadge = (job) =>
  h('span', { class: 'status', 'data-status': job.status }, glyph(job.status), h('span', null, statusWord(job)));
