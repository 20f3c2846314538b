// The list of jobs: a grid of which only the visible rows are in the document.

import { h, keyed, render } from '../render/element.js';
import { reveal, scrollByPixels, visibleSpan } from '../render/virtual-rows.js';
import { filterCounts } from '../state/filter.js';
import { isNarrow, NO_FILTER, sameFilter } from '../state/filter.js';
import { countText } from '../text/number.js';
import { jobRow } from './job-row.js';

const mostRows = 160;
const holdMilliseconds = 1200;
const headings = ['Running', 'Waiting', 'Ended'];

/** Where rows and headings stand: `groups` of {start, count, top, heading}, in pixels. */
export function layoutOf(counts, rowHeight, headingHeight) {
  const filled = counts.map((count, group) => ({ count, group })).filter(({ count }) => count > 0);
  const withHeadings = filled.length > 0 && (counts[0] > 0 || counts[1] > 0);
  let top = 0;
  let start = 0;
  const groups = filled.map(({ count, group }, place) => {
    const heading = withHeadings ? headingHeight : 0;
    const entry = { group, start, count, top, heading, before: withHeadings ? place + 1 : 0 };
    top += heading + count * rowHeight;
    start += count;
    return entry;
  });
  return {
    groups, height: top, size: start, rowHeight, rows: start + (withHeadings ? groups.length : 0),
    topOf(index) {
      const group = groups.find((entry) => index < entry.start + entry.count) ?? groups[groups.length - 1];
      return group ? group.top + group.heading + (index - group.start) * rowHeight : 0;
    },
    beforeOf: (index) => groups.find((entry) => index < entry.start + entry.count)?.before ?? 0,
    /** The positions that touch the span of pixels. */
    indexesIn(from, to) {
      let first = null;
      let last = 0;
      for (const group of groups) {
        const begin = Math.max(0, Math.floor((from - group.top - group.heading) / rowHeight));
        const end = Math.min(group.count, Math.ceil((to - group.top - group.heading) / rowHeight));
        if (end <= begin) continue;
        first ??= group.start + begin;
        last = group.start + end;
      }
      return { first: first ?? 0, last };
    },
  };
}

function groupCounts(state) {
  const { matching, filter } = state.collection;
  const counts = filterCounts(matching);
  const shows = (name) => filter.status === 'all' || filter.status === name;
  return [
    shows('running') ? counts.running : 0, shows('waiting') ? counts.waiting : 0,
    ['completed', 'failed', 'cancelled'].reduce((sum, name) => sum + (shows(name) ? counts[name] : 0), 0),
  ];
}

function emptyView(state, actions) {
  const { filter } = state.collection;
  const canWrite = !state.session?.read_only;
  if (!state.loaded) {
    return [h('h3', null, 'Loading the queue…'), h('p', null, 'The list appears as soon as the server answers.')];
  }
  if (!sameFilter(filter, NO_FILTER)) {
    return [
      h('h3', null, isNarrow(filter) ? 'No job matches' : `No ${filter.status} job`),
      h('p', null, filter.status === 'failed' ? 'Nothing went wrong.' : 'Nothing in the queue fits this filter.'),
      h('button', { onclick: () => actions.filter(NO_FILTER, { push: true }) }, 'Show all jobs'),
    ];
  }
  return [
    h('h3', null, 'The queue is empty'),
    h('p', null, canWrite ? 'Submit a job here, or from a terminal:' : 'Jobs appear here as they are submitted.'),
    canWrite && h('pre', null, h('code', null, `stint submit countdown --url ${location.origin}`)),
    canWrite && h('button', { class: 'primary', onclick: actions.newJob }, 'New job'),
  ];
}

export function createQueueView({ scroller, rows, empty, actions, requestRender }) {
  let activeID = null;
  let drawn = null;
  let held = null;
  let pointerAt = 0;
  let release = null;
  let lastFilter = null;
  let sizes = { row: 60, heading: 36 };

  function measure() {
    const style = getComputedStyle(scroller);
    sizes = {
      row: parseFloat(style.getPropertyValue('--row-height')) || 60,
      heading: parseFloat(style.getPropertyValue('--heading-height')) || 36,
    };
  }

  // While the pointer moves over the list, rows keep their places and only their contents change.
  const hold = () => {
    pointerAt = Date.now();
    if (release === null) release = setTimeout(letGo, holdMilliseconds);
  };
  const letGo = () => {
    const rest = pointerAt + holdMilliseconds - Date.now();
    release = rest > 0 ? setTimeout(letGo, rest) : null;
    if (rest <= 0) requestRender();
  };
  rows.addEventListener('pointermove', (event) => event.pointerType === 'mouse' && hold());
  rows.addEventListener('pointerleave', () => {
    pointerAt = 0;
    requestRender();
  });
  window.addEventListener('scroll', () => requestRender(), { capture: true, passive: true });
  new ResizeObserver(() => {
    measure();
    requestRender();
  }).observe(scroller.parentElement);
  window.addEventListener('resize', () => requestRender());
  measure();

  /** The order to draw: the state's, or the one that is held for the pointer while all its rows are still there. */
  function orderToDraw(state) {
    const fresh = { shown: state.collection.shown, counts: groupCounts(state) };
    const isHeld = held && Date.now() - pointerAt < holdMilliseconds && lastFilter === state.collection.filter;
    lastFilter = state.collection.filter;
    if (isHeld && drawn?.keys.every((key) => state.collection.jobs.get(key))) return held;
    held = fresh;
    return fresh;
  }

  /** Keeps what is read in its place when rows come or go above it. */
  function anchored(layout, shown) {
    if (!drawn || drawn.span.top < drawn.layout.rowHeight || drawn.shown === shown) return;
    for (const [place, key] of drawn.keys.entries()) {
      const before = drawn.layout.topOf(drawn.first + place);
      if (before < drawn.span.top) continue;
      const index = shown.indexOf(key);
      if (index < 0) continue;
      const moved = layout.topOf(index) - before;
      if (moved !== 0 && layout.height > drawn.span.top) {
        rows.style.setProperty('height', `${layout.height}px`);
        scrollByPixels(scroller, moved);
      }
      return;
    }
  }

  function draw(state) {
    const { shown, counts } = orderToDraw(state);
    const { jobs } = state.collection;
    const layout = layoutOf(counts, sizes.row, sizes.heading);
    if (lastFilter === drawn?.filter) anchored(layout, shown);
    const span = visibleSpan(scroller, rows);
    const { first, last } = layout.indexesIn(span.from, span.to);
    const keys = shown.slice(first, Math.min(last, first + mostRows));
    if (activeID !== null && !jobs.get({ id: activeID })) activeID = null;
    // One row can be reached by Tab: where the keyboard was, or the first that is drawn.
    const isDrawn = rows.contains(document.activeElement) || keys.some(({ id }) => id === activeID);
    const tabID = activeID !== null && isDrawn ? activeID : keys[0]?.id;
    const second = Math.floor(state.now);
    const canWrite = !state.session?.read_only;
    const drawRow = (key, index) => {
      const job = jobs.get(key);
      if (!job) return null;
      const top = layout.topOf(index);
      const row = index + layout.beforeOf(index) + 1;
      const isSelected = key.id === state.selected;
      const isActive = key.id === tabID;
      const place = { top, index: row, isSelected, isActive, canWrite };
      return keyed(key.id, [job, second, top, row, isSelected, isActive, canWrite], () =>
        jobRow(job, second, place, own));
    };
    const children = [];
    keys.forEach((key, place) => {
      const index = first + place;
      const group = layout.groups.find((entry) => entry.start === index);
      if (group?.heading) children.push(heading(group));
      children.push(drawRow(key, index));
    });
    addActive(children, shown, jobs, first, keys.length, drawRow);
    rows.style.setProperty('height', `${layout.height}px`);
    scroller.setAttribute('aria-rowcount', String(layout.rows));
    render(rows, children);
    drawn = { layout, keys, first, span, shown, filter: state.collection.filter };
    const isEmpty = layout.size === 0;
    scroller.hidden = isEmpty;
    empty.hidden = !isEmpty;
    render(empty, isEmpty ? emptyView(state, actions) : null);
  }

  // No id of a job has a space.
  const heading = (group) => h('div', {
    class: 'group-heading', role: 'row', key: `group ${group.group}`, 'aria-rowindex': group.start + group.before,
    style: { transform: `translateY(${group.top}px)` },
  }, h('span', { role: 'gridcell' }, headings[group.group], ' ', h('span', { class: 'count' },
    countText(group.count))));

  /** The row that has the keyboard stays in the document while it is scrolled away. */
  function addActive(children, shown, jobs, first, count, drawRow) {
    const job = activeID && jobs.get({ id: activeID });
    if (!job || !rows.contains(document.activeElement)) return;
    const index = shown.indexOf(job.key);
    if (index < 0 || (index >= first && index < first + count)) return;
    if (index < first) children.unshift(drawRow(job.key, index));
    else children.push(drawRow(job.key, index));
  }

  const own = {
    cancelJob: actions.cancelJob,
    retryJob: actions.retryJob,
    openJob: (id) => {
      activeID = id;
      pointerAt = 0;
      actions.openJob(id);
    },
    activate(id) {
      if (id === activeID) return;
      activeID = id;
      requestRender();
    },
  };

  function focusIndex(state, index) {
    const { shown } = state.collection;
    const key = shown.at(Math.min(shown.size - 1, Math.max(0, index)));
    if (!key) return null;
    pointerAt = 0;
    activeID = key.id;
    const layout = layoutOf(groupCounts(state), sizes.row, sizes.heading);
    const place = shown.indexOf(key);
    const top = layout.topOf(place);
    rows.style.setProperty('height', `${layout.height}px`);
    scroller.hidden = false;
    drawn = null;
    reveal(scroller, rows, place === 0 ? 0 : top, top + sizes.row, 72);
    draw(state);
    focusActive();
    return key.id;
  }

  function focusActive() {
    rows.querySelector(`[data-job="${CSS.escape(activeID ?? '')}"]`)?.focus({ preventScroll: true });
  }

  return {
    draw,
    /** Moves the keyboard's place by so many rows; the id of the job there. */
    move(state, step) {
      const job = activeID && state.collection.jobs.get({ id: activeID });
      const index = job ? state.collection.shown.indexOf(job.key) : -1;
      const isThere = rows.contains(document.activeElement) || state.selected === activeID;
      return focusIndex(state, index < 0 ? 0 : isThere ? index + step : index);
    },
    moveTo: (state, index) => focusIndex(state, index < 0 ? state.collection.shown.size - 1 : index),
    pageSize: () => Math.max(1, Math.floor(Math.min(scroller.clientHeight, window.innerHeight) / sizes.row) - 1),
    /** Gives the keyboard to a job's row, if it is in the list. */
    focusJob(state, id) {
      const job = state.collection.jobs.get({ id });
      const index = job ? state.collection.shown.indexOf(job.key) : -1;
      if (index < 0) return false;
      focusIndex(state, index);
      return true;
    },
    /** Scrolls a job into view and makes it the keyboard's place, without taking the focus. */
    show(state, id) {
      const job = state.collection.jobs.get({ id });
      const index = job ? state.collection.shown.indexOf(job.key) : -1;
      if (index < 0) return;
      activeID = id;
      const layout = layoutOf(groupCounts(state), sizes.row, sizes.heading);
      reveal(scroller, rows, layout.topOf(index), layout.topOf(index) + sizes.row, 72);
    },
    get activeID() {
      return activeID;
    },
  };
}
