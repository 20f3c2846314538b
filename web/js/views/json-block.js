// A JSON value, printed for people: pretty, copied with one press, cut where it would be too long to draw.

import { h } from '../render/element.js';
import { plainText } from '../text/plain.js';
import { bytesText } from '../text/number.js';
import { icon } from './icons.js';

const mostCharacters = 20_000;
const printed = new WeakMap();

/** The value as indented text; kept for as long as the value is. */
function pretty(value) {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  let text = printed.get(value);
  if (text === undefined) {
    text = JSON.stringify(value, null, 2);
    printed.set(value, text);
  }
  return text;
}

/** `name` is the field's name and its heading; `note` is shown in place of a value that is not there. */
export function jsonBlock({ name, label, value, note }, actions) {
  const has = value !== undefined && value !== null;
  const text = has ? pretty(value) : '';
  return h('section', { class: 'block', 'data-block': name },
    h('div', { class: 'block-head' }, h('h3', null, label),
      has && h('button', {
        class: 'icon-button small', title: `Copy ${name} as JSON`, 'aria-label': `Copy ${name} as JSON`,
        onclick: () => actions.copy(text, `${label} copied`),
      }, icon('copy'))),
    h('pre', { 'data-field': name, tabindex: has ? 0 : null, dir: 'ltr', role: has ? 'region' : null,
      'aria-label': has ? label : null },
      h('code', null, has ? plainText(text.slice(0, mostCharacters)) : note ?? '—')),
    text.length > mostCharacters
      && h('p', { class: 'hint' }, 
        `The first ${bytesText(mostCharacters)} of ${bytesText(text.length)}; copy has all of it.`));
}
