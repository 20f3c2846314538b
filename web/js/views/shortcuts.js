// The sheet of keyboard short cuts.

import { h } from '../render/element.js';
import { icon } from './icons.js';

const shortcuts = [
  ['Move', [
    ['j ↓', 'Next job'], ['k ↑', 'Previous job'], ['Home End', 'First, last job'], ['Enter', 'Open the job'],
    ['Esc', 'Close what is open'],
  ]],
  ['Act', [['n', 'New job'], ['c', 'Cancel the chosen job'], ['r', 'Retry the chosen job']]],
  ['Look', [
    ['/', 'Search'], ['g', 'Next page: queue, dead letters, workers'], ['t', 'Theme: system, light, dark'],
    ['?', 'This sheet'],
  ]],
];

export function shortcutsView(actions) {
  return [
    h('div', { class: 'dialog-head' }, h('h2', { id: 'shortcuts-title' }, 'Keyboard short cuts'),
      h('button', { class: 'icon-button', 'aria-label': 'Close', onclick: actions.closeDialog }, icon('close'))),
    h('div', { class: 'shortcut-groups' }, shortcuts.map(([title, keys]) => h('section', { key: title },
      h('h3', null, title),
      h('dl', null, keys.map(([key, words]) => h('div', { key },
        h('dt', null, key.split(' ').map((one) => [h('kbd', null, one), ' '])), h('dd', null, words))))))),
    h('p', { class: 'hint' }, 'None of them while you type in a field.'),
  ];
}
