// The icons of buttons, as SVG elements.

import { h } from '../render/element.js';

const paths = {
  plus: 'M8 3v10M3 8h10',
  minus: 'M3 8h10',
  close: 'M4 4l8 8M12 4l-8 8',
  search: 'M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM10.3 10.3L13.5 13.5',
  copy: 'M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z',
  retry: 'M13.2 6.2A5.5 5.5 0 1 0 13.5 8.6M13.6 2.9v3.4h-3.4',
  stop: 'M8 13.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11zM6 6h4v4H6z',
  sweep: 'M3 4.5h10M6.5 4.5v-2h3v2M4.5 4.5l.6 9h5.8l.6-9',
  keyboard: 'M1.8 4h12.4v8H1.8zM4.3 6.7h.01M6.8 6.7h.01M9.2 6.7h.01M11.7 6.7h.01M5 9.4h6',
  system: 'M2.5 3h11v7.5h-11zM6 13.2h4M8 10.5v2.7',
  light: 'M8 10.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6zM8 1.6v1.2M8 13.2v1.2M1.6 8h1.2M13.2 8h1.2'
    + 'M3.5 3.5l.8.8M11.7 11.7l.8.8M3.5 12.5l.8-.8M11.7 4.3l.8-.8',
  dark: 'M13.2 9.6A5.6 5.6 0 0 1 6.4 2.8a5.6 5.6 0 1 0 6.8 6.8z',
  leave: 'M9.5 2.5h-6v11h6M6.5 8h7M11 5.5L13.5 8 11 10.5',
  chevron: 'M6 4l4 4-4 4',
  link: 'M6.8 9.2l2.4-2.4M7.2 4.7l1.3-1.3a2.9 2.9 0 0 1 4.1 4.1l-1.3 1.3'
    + 'M8.8 11.3l-1.3 1.3a2.9 2.9 0 0 1-4.1-4.1l1.3-1.3',
};

export const icon = (name) =>
  h('svg', { class: 'icon', viewBox: '0 0 16 16', 'aria-hidden': 'true' }, h('path', { d: paths[name] }));

/** The swift in flight. */
export const logo = () =>
  h('svg', { class: 'logo', viewBox: '0 0 32 32', 'aria-hidden': 'true' },
    h('path', {
      d: 'M1.5 9.2C8.3 9 13.2 11.2 16.3 15.1 18.6 9.6 23.4 5 30.5 3.2 26.6 6.9 23.6 11.3 21.8 16.4c2.2.7 4.1 2 5.4 4'
        + '-2.6-.6-5-.5-7.2.3-2.5 2.3-5.6 4.9-9.9 7.9 1-2.5 1.6-4.7 1.9-6.6-1.8.7-4 1.2-6.7 1.5 2.9-1.3 5.2-2.9 7-4.9'
        + 'C10.2 14.6 6.6 11.4 1.5 9.2z',
    }));
