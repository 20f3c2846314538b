// The dialog that asks for the token.

import { h } from '../render/element.js';
import { plainText } from '../text/plain.js';

export function signInView({ busy, fault }, actions) {
  return h('form', {
    class: 'sign-in', novalidate: true,
    onsubmit: (event) => {
      event.preventDefault();
      actions.signIn(event.target.elements.token);
    },
  },
  h('h2', { id: 'sign-in-title' }, 'Sign in'),
  h('p', { id: 'sign-in-text' }, 'This server needs a token. It is exchanged for a cookie that no script can read.'),
  h('div', { class: 'field', 'data-fault': Boolean(fault) },
    h('label', { for: 'token' }, 'Token'),
    h('input', {
      id: 'token', name: 'token', type: 'password', autocomplete: 'current-password', autofocus: true, required: true,
      'aria-invalid': fault ? 'true' : null, 'aria-describedby': fault ? 'sign-in-error' : 'sign-in-text',
    }),
    fault && h('p', { class: 'fault', id: 'sign-in-error', role: 'alert' }, plainText(fault))),
  h('div', { class: 'form-buttons' },
    h('button', { id: 'sign-in-submit', class: 'primary', type: 'submit' }, busy ? 'Signing in…' : 'Sign in')));
}
