// The dialog that asks once, before many jobs are changed.

import { h } from '../render/element.js';

/** `question`: {title, text, yes, no, act}; `kind` is `primary` where nothing is lost. */
export function confirmView(question, actions) {
  if (!question) return null;
  return [
    h('h2', { id: 'confirm-title' }, question.title),
    h('p', { id: 'confirm-text' }, question.text),
    h('div', { class: 'form-buttons' },
      h('button', { id: 'confirm-no', class: 'quiet', autofocus: true, onclick: actions.closeDialog }, question.no),
      h('button', {
        id: 'confirm-yes', class: question.kind === 'primary' ? 'primary' : 'danger solid',
        onclick: () => {
          actions.closeDialog();
          question.act();
        },
      }, question.yes)),
  ];
}
