// The links between the pages.

import { h } from '../render/element.js';
import { hashOf } from '../route.js';

const words = { queue: 'Queue', 'dead-letters': 'Dead letters', workers: 'Workers' };

/** A panel that is open is closed: it belongs to the page that is left. */
export const pagesView = (state) =>
  h('nav', { id: 'pages', 'aria-label': 'Pages' }, Object.entries(words).map(([view, text]) => h('a', {
    key: view, id: `page-${view}`, href: hashOf(state, { view, selected: null }),
    'aria-current': state.view === view ? 'page' : null,
  }, text)));
