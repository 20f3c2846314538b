// What the list shows: search, status and type; and the buttons that act on many jobs.

import { h } from '../render/element.js';
import { FILTERS, NO_FILTER, cancellable, filterCounts, isNarrow, sameFilter } from '../state/filter.js';
import { countText, plural } from '../text/number.js';
import { plainLine } from '../text/plain.js';
import { icon } from './icons.js';

const words = {
  all: 'All', running: 'Running', waiting: 'Waiting', completed: 'Completed', failed: 'Failed', cancelled: 'Cancelled',
};

/** Counts for the buttons: the server's where they cover all jobs, else those of the jobs that the page holds. */
export function countsShown(state) {
  const { collection, stats, sweep, hasMore } = state;
  const all = !isNarrow(collection.filter) && stats && (hasMore || sweep.partial);
  return filterCounts(all ? stats : collection.matching);
}

function typesKnown(state) {
  const names = new Set((state.types ?? []).map(({ name }) => name));
  if (state.collection.filter.type) names.add(state.collection.filter.type);
  return [...names].sort();
}

export function filtersView(state, actions) {
  const { filter } = state.collection;
  const counts = countsShown(state);
  return [
    h('div', { class: 'filter-line' },
      h('div', { class: 'search-box' },
        icon('search'),
        h('input', {
          id: 'search', type: 'search', placeholder: 'Search', value: filter.q, autocomplete: 'off',
            spellcheck: 'false',
          'aria-label': 'Search in ids, types, queues, tags, params and errors', title: 'Search (/)', maxlength: 200,
          oninput: (event) => actions.filter({ q: event.target.value }),
        }),
        h('kbd', { 'aria-hidden': 'true' }, '/')),
      h('select', {
        id: 'filter-type', 'aria-label': 'Job type', value: filter.type,
        onchange: (event) => actions.filter({ type: event.target.value }, { push: true }),
      }, h('option', { value: '' }, 'All types'),
      typesKnown(state).map((name) => h('option', { value: name, key: name, selected: filter.type === name },
        plainLine(name))))),
    h('div', { id: 'filters', role: 'group', 'aria-label': 'Status' }, FILTERS.map((name) => h('button', {
      class: 'filter', 'data-filter': name, 'data-zero': counts[name] === 0, key: name,
      'aria-pressed': String(filter.status === name), onclick: () => actions.filter({ status: name }, { push: true }),
    }, h('span', null, words[name]), ' ', h('span', { class: 'count' }, countText(counts[name]))))),
  ];
}

function cancelWords({ collection: { filter, matching } }, count) {
  const counts = filterCounts(matching);
  const kinds = filter.status === 'all'
    ? [counts.waiting > 0 && 'waiting', counts.running > 0 && 'running'].filter(Boolean).join(' and ') : filter.status;
  return `Cancel ${countText(count)} ${kinds} ${count === 1 ? 'job' : 'jobs'}…`;
}

/** The line above the list: how many match, and what can be done with them. */
export function queueBarView(state, actions) {
  const { collection, stats, session, bulk, loaded } = state;
  const matching = collection.shown.size;
  const total = Math.max(stats?.total ?? 0, collection.jobs.size);
  const completed = stats?.completed ?? 0;
  const count = cancellable(collection);
  const canWrite = loaded && !session?.read_only;
  const narrowed = !sameFilter(collection.filter, NO_FILTER);
  return [
    h('p', { id: 'queue-count' }, !loaded ? 'Loading…'
      : narrowed || matching !== total ? `${countText(matching)} of ${plural(total, 'job')}` : plural(total, 'job')),
    narrowed && h('button', { class: 'quiet', id: 'clear-filter', onclick: () => actions.filter(NO_FILTER,
      { push: true }) }, 'Show all'),
    h('div', { class: 'queue-actions' },
      bulk && h('span', { class: 'bulk' }, `${bulk.label} ${countText(bulk.done)} of ${countText(bulk.total)}`),
      canWrite && count > 0 && h('button', {
        id: 'cancel-shown', class: 'quiet', disabled: Boolean(bulk), onclick: actions.cancelShown,
        title: 'Waiting jobs never start, running ones are asked to stop. Asks first.',
      }, icon('stop'), h('span', null, cancelWords(state, count))),
      canWrite && completed > 0 && h('button', {
        id: 'clear-completed', class: 'quiet', onclick: actions.clearCompleted,
        title: `Removes ${plural(completed, 'completed job')} with their history. Failed and cancelled ones stay.`,
      }, icon('sweep'), h('span', null, `Clear ${countText(completed)} completed`))),
  ];
}
