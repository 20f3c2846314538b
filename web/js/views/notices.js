// What just happened, in the corner: kept short, gone by itself.

import { h } from '../render/element.js';
import { plainText } from '../text/plain.js';
import { icon } from './icons.js';
import { glyph } from './status.js';

const glyphs = { done: 'completed', error: 'failed', info: 'pending' };

export function noticesView(state, actions) {
  return state.notices.map((notice) => h('div', { class: 'notice', 'data-kind': notice.kind, key: notice.id },
    h('span', { class: 'status', 'data-status': glyphs[notice.kind] }, glyph(glyphs[notice.kind])),
    h('p', { dir: 'auto' }, h('span', { class: 'visually-hidden' }, notice.kind === 'error' ? 'Error: ' : ''),
      plainText(notice.text)),
    notice.jobID && h('button', { class: 'quiet', onclick: () => actions.openJob(notice.jobID) }, 'Show'),
    h('button', { class: 'icon-button small', 'aria-label': 'Dismiss', onclick: () => actions.dismiss(notice.id) },
      icon('close'))));
}
