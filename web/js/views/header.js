// The top of the page: name, connection, and the buttons that are always there.

import { h } from '../render/element.js';
import { icon, logo } from './icons.js';
import { pagesView } from './pages.js';

const connectionWords = {
  connecting: 'Connecting', open: 'Live', reconnecting: 'Connection lost, reconnecting', stopped: 'Not connected',
};
const themeWords = { system: 'System theme', light: 'Light theme', dark: 'Dark theme' };
const nextTheme = { system: 'light', light: 'dark', dark: 'system' };

function retryWords({ state, retryAt }, now) {
  if (state !== 'reconnecting') return null;
  const left = retryAt === null ? 0 : Math.ceil(retryAt - now);
  return h('span', { 'aria-hidden': 'true', class: 'connection-retry' }, left > 0 ? `next try in ${left} s`
    : 'trying…');
}

export function headerView(state, actions) {
  const { connection, session, theme } = state;
  const canWrite = !session?.read_only;
  return [
    h('a', { class: 'brand', href: '#/', 'aria-label': 'Stint: all jobs' }, logo(), h('span', null, 'Stint')),
    h('div', { id: 'connection', role: 'status', 'data-state': connection.state },
      h('span', { class: 'connection-dot', 'aria-hidden': 'true' }),
      h('span', null, connectionWords[connection.state]), retryWords(connection, state.now)),
    pagesView(state),
    session?.read_only && h('span', { class: 'chip', title: 'Your token may read, not write' }, 'Read only'),
    h('div', { class: 'header-buttons' },
      session?.owner && h('span', { class: 'owner', title: 'Jobs are submitted in this name' }, session.owner),
      h('button', {
        id: 'theme', class: 'icon-button', onclick: actions.nextTheme,
        title: `${themeWords[theme]}; press for ${themeWords[nextTheme[theme]].toLowerCase()} (t)`,
        'aria-label': `${themeWords[theme]}. Change to ${themeWords[nextTheme[theme]].toLowerCase()}`,
      }, icon(theme)),
      h('button', {
        class: 'icon-button', onclick: () => actions.openDialog('shortcuts'), title: 'Keyboard short cuts (?)',
        'aria-label': 'Keyboard short cuts', 'aria-haspopup': 'dialog', id: 'open-shortcuts',
      }, icon('keyboard')),
      session?.token_required && h('button', {
        id: 'sign-out', class: 'icon-button', onclick: actions.signOut,
          title: 'Sign out: forgets the token in this browser',
        'aria-label': 'Sign out',
      }, icon('leave')),
      canWrite && h('button', { id: 'new-job', class: 'primary', onclick: actions.newJob, title: 'New job (n)' },
        icon('plus'), h('span', null, 'New job'))),
  ];
}
