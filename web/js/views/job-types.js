// The job types to click; the chosen one's form is below them.

import { h } from '../render/element.js';
import { plainLine } from '../text/plain.js';

export function jobTypesView(state, actions) {
  const { types, form } = state;
  if (!types) return h('p', { class: 'quiet-text' }, 'Reading the job types…');
  if (types.length === 0) {
    return h('p', { class: 'quiet-text' }, 'No job type is known yet. Start a worker that has some.');
  }
  return h('ul', { class: 'type-list' }, types.map((type) =>
    h('li', { key: type.name }, h('button', {
      class: 'type', 'data-type': type.name, 'aria-expanded': String(form.type === type.name),
      onclick: () => (form.type === type.name ? actions.closeForm() : actions.openForm(type.name)),
    }, h('span', { class: 'type-name', dir: 'auto' }, plainLine(type.name)),
    h('span', { class: 'type-text', dir: 'auto' }, plainLine(type.description))))));
}
