// The page of dead letters: groups by type and error, the jobs of one, and what can be done with them.

import { h, keyed } from '../render/element.js';
import { hashOf } from '../route.js';
import { KEEP_DEAD, NO_DEAD_FILTER, isDeadNarrow, isGroup } from '../state/dead-letters.js';
import { countText, plural } from '../text/number.js';
import { plainLine, shortId } from '../text/plain.js';
import { icon } from './icons.js';
import { timeAgo } from './time.js';

const mostGroups = 200;
const mostMessage = 300;

const messageText = (text) => plainLine(String(text ?? '').slice(0, mostMessage));

/** Buttons for many jobs at once; `name` tells them apart. */
function actsView({ name, words, filter, isSmall }, state, actions) {
  const busy = state.dead.act !== null;
  return h('div', { class: 'dead-acts' },
    h('button', {
      'data-act': 'requeue', id: name ? `requeue-${name}` : null, class: isSmall ? 'quiet' : '', disabled: busy,
      title: 'Puts them back into the queue. Says first how many.', 'aria-label': `Requeue ${words}…`,
      onclick: () => actions.requeueDead(filter),
    }, icon('retry'), h('span', null, isSmall ? 'Requeue…' : `Requeue ${words}…`)),
    h('button', {
      'data-act': 'purge', id: name ? `purge-${name}` : null, class: 'quiet', disabled: busy,
      title: 'Removes them for good. Says first how many, and asks.', 'aria-label': `Remove ${words}…`,
      onclick: () => actions.purgeDead(filter),
    }, icon('sweep'), h('span', null, isSmall ? 'Remove…' : `Remove ${words}…`)));
}

/** What all rows depend on. */
const shared = (state) => [Math.floor(state.now), state.dead.filter, state.dead.act, state.session];

function headView(state) {
  const { total, filter, fault } = state.dead;
  const kind = !isDeadNarrow(filter) ? '' : total === 1 ? 'that matches' : 'that match';
  return h('div', { class: 'page-head' },
    h('h2', { id: 'dead-title', tabindex: -1 }, 'Dead letters'),
    h('p', { id: 'dead-count', role: 'status' },
      total === null ? (fault ? '' : 'Reading…') : `${plural(total, 'job')} ${kind}`.trim()));
}

function barView(state, actions) {
  const { filter, total } = state.dead;
  const canWrite = !state.session?.read_only && total > 0;
  const isNarrow = isDeadNarrow(filter);
  return h('div', { class: 'dead-bar' },
    h('div', { class: 'search-box' }, icon('search'),
      h('input', {
        id: 'dead-search', type: 'search', placeholder: 'Search', value: filter.q, autocomplete: 'off',
        spellcheck: 'false', maxlength: 200, 'aria-label': 'Search dead letters: ids, types, tags and errors',
        title: 'Search (/)', oninput: (event) => actions.filterDead({ q: event.target.value }),
      }),
      h('kbd', { 'aria-hidden': 'true' }, '/')),
    isNarrow && h('button', {
      id: 'dead-show-all', class: 'quiet', onclick: () => {
        actions.filterDead(NO_DEAD_FILTER, { push: true });
        actions.focusTitle();
      },
    }, 'Show all'),
    canWrite && actsView({ name: 'dead', words: isNarrow ? 'these' : 'all', filter }, state, actions));
}

const filterLabels = { type: 'Type', error: 'Error', queue: 'Queue' };

/** What the address filters by, but for what the search field and the chosen group show; each can be taken off. */
function filterChips(state, actions) {
  const { filter } = state.dead;
  const names = Object.keys(filterLabels).filter((name) =>
    filter[name].trim() !== '' && (name === 'queue' || !isGroup(filter)));
  if (names.length === 0) return null;
  return h('ul', { id: 'dead-filters', key: 'filters', 'aria-label': 'Filters' }, names.map((name) => {
    const value = plainLine(filter[name]);
    return h('li', { key: name, 'data-filter': name },
      h('button', {
        class: 'quiet', 'aria-label': `${filterLabels[name]} ${value}: take the filter off`, title: 'Takes the filter off',
        onclick: () => {
          actions.filterDead({ [name]: '' }, { push: true });
          actions.focusTitle();
        },
      }, h('span', { class: 'dead-filter-name' }, filterLabels[name]), h('b', { dir: 'auto' }, value), icon('close')));
  }));
}

function groupView(group, state, actions) {
  const now = Math.floor(state.now);
  const { filter } = state.dead;
  const own = { ...filter, type: group.type, error: group.error };
  const words = `${plural(group.count, plainLine(group.type))}: ${plainLine(group.error)}`;
  return h('li', {
    class: 'dead-group', 'data-type': group.type, 'data-error': group.error,
  },
  h('div', { class: 'dead-first' },
    h('a', {
      class: 'dead-open', 'data-row': true, href: hashOf(state, { dead: own, selected: null }),
      onclick: (event) => {
        event.preventDefault();
        actions.openGroup(group);
      },
    }, h('span', { class: 'row-type', dir: 'auto' }, plainLine(group.type)),
    h('span', { class: 'dead-kind', dir: 'auto' }, plainLine(group.error))),
    h('span', { class: 'dead-number', 'data-field': 'count' }, plural(group.count, 'job'))),
  h('p', { class: 'dead-message', dir: 'auto' }, messageText(group.message)),
  h('div', { class: 'dead-last' },
    h('p', { class: 'dead-times' }, 'newest ', timeAgo(group.newest, now), ', oldest ', timeAgo(group.oldest, now)),
    !state.session?.read_only && actsView({ words, filter: own, isSmall: true }, state, actions)));
}

function groupsView(state, actions) {
  const { groups, filter } = state.dead;
  if (isGroup(filter)) {
    return h('p', { class: 'dead-crumb', key: 'crumb' },
      h('button', { id: 'dead-groups-all', class: 'quiet', onclick: () => actions.openGroup(null) }, 'All groups'),
      h('span', { 'aria-hidden': 'true' }, '›'),
      h('b', { dir: 'auto' }, plainLine(filter.type)), h('span', { class: 'dead-kind', dir: 'auto' },
        plainLine(filter.error)));
  }
  if (groups.length === 0) return null;
  return h('section', { class: 'dead-part', key: 'groups', 'aria-labelledby': 'dead-groups-title' },
    h('h3', { id: 'dead-groups-title' }, 'By type and error'),
    h('ul', { id: 'dead-groups' }, groups.slice(0, mostGroups).map((group) =>
      keyed(`${group.type} ${group.error}`, [group, ...shared(state)], () => groupView(group, state, actions)))),
    groups.length > mostGroups
      && h('p', { class: 'hint' }, `${countText(groups.length - mostGroups)} more groups: search to find them.`));
}

function jobView(job, state, actions) {
  const isOpen = job.id === state.selected;
  const at = job.completed_at ?? job.created_at;
  const attempts = job.attempt === 0 ? 'never started' : plural(job.attempt, 'attempt');
  return h('li', { class: 'dead-job', 'data-job': job.id, 'data-open': isOpen },
    h('div', { class: 'dead-first' },
      h('a', {
        class: 'dead-open', 'data-row': true, href: hashOf(state, { selected: job.id }),
        'aria-current': isOpen ? 'true' : null,
        onclick: (event) => {
          event.preventDefault();
          actions.openJob(job.id);
          actions.focusDetail();
        },
      }, h('span', { class: 'row-type', dir: 'auto' }, plainLine(job.type)),
      h('code', { title: job.id }, plainLine(shortId(job.id)))),
      h('span', { class: 'dead-times' }, `${attempts}, `, timeAgo(at, Math.floor(state.now)))),
    h('div', { class: 'dead-last' },
      h('p', { class: 'dead-message', dir: 'auto' },
        job.error ? messageText(`${job.error.type}: ${job.error.message}`) : 'failed'),
      !state.session?.read_only && h('button', {
        class: 'quiet', 'data-act': 'requeue', 'aria-label': `Requeue ${plainLine(shortId(job.id))}`,
        title: 'Puts it back into the queue', onclick: () => actions.retryJob(job.id),
      }, icon('retry'), h('span', null, 'Requeue'))));
}

function jobsView(state, actions) {
  const { jobs, next, total, filter } = state.dead;
  if (jobs.length === 0) return null;
  const isFull = jobs.length >= KEEP_DEAD;
  return h('section', { class: 'dead-part', key: 'jobs', 'aria-labelledby': 'dead-jobs-title' },
    h('h3', { id: 'dead-jobs-title' }, isGroup(filter) ? 'Jobs, newest first' : 'All of them, newest first'),
    h('ul', { id: 'dead-jobs' }, jobs.map((job) =>
      keyed(job.id, [job, job.id === state.selected, ...shared(state)], () => jobView(job, state, actions)))),
    next && !isFull && h('button', { id: 'dead-more', onclick: actions.moreDead },
      `Show more of ${countText(total)}`),
    next && isFull && h('p', { class: 'hint' }, `The newest ${countText(KEEP_DEAD)}; search to find older ones.`));
}

function emptyView(state) {
  const isNarrow = isDeadNarrow(state.dead.filter);
  return h('div', { id: 'dead-empty', class: 'empty', key: 'empty' },
    h('h3', null, isNarrow ? 'No dead letter matches' : 'No dead letters'),
    h('p', null, isNarrow ? 'Nothing that failed fits this filter.'
      : 'A job comes here when its last attempt failed and no other job took over.'));
}

function faultView({ fault }, actions) {
  return h('div', { id: 'dead-fault', class: 'page-fault', role: 'alert', key: 'fault' },
    h('p', { dir: 'auto' }, `The dead letters could not be read: ${plainLine(fault)}`),
    h('button', { onclick: actions.readDead }, 'Try again'));
}

export function deadLettersView(state, actions) {
  const { dead } = state;
  return [
    headView(state),
    barView(state, actions),
    h('div', { class: 'page-body', key: 'body' },
      filterChips(state, actions),
      dead.fault && faultView(dead, actions),
      groupsView(state, actions),
      dead.total === 0 && emptyView(state),
      jobsView(state, actions)),
  ];
}
