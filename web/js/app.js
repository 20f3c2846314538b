// Puts the page together: the state, what feeds it, and the views that draw it.
//
//   live/socket.js ─┐
//   live/api.js ────┼─▶ store.dispatch(event) ─▶ state/reducer.js ─▶ draw() ─▶ views/*.js
//   actions.js ─────┘

import { createActions } from './actions.js';
import { createAPI } from './live/api.js';
import { createDetails } from './live/details.js';
import { createPages } from './live/pages.js';
import { createRereads } from './live/rereads.js';
import { createSocket } from './live/socket.js';
import { listenToKeys } from './keyboard.js';
import { render } from './render/element.js';
import { parseRoute, routeHash } from './route.js';
import { countText } from './text/number.js';
import { createStore } from './state/store.js';
import { initialState, reduce } from './state/reducer.js';
import { storedTheme } from './theme.js';
import { chartView } from './views/chart.js';
import { confirmView } from './views/confirm.js';
import { filtersView, queueBarView } from './views/filters.js';
import { headerView } from './views/header.js';
import { jobDetailView } from './views/job-detail.js';
import { jobFormView } from './views/job-form.js';
import { jobTypesView } from './views/job-types.js';
import { noticesView } from './views/notices.js';
import { createQueueView } from './views/queue.js';
import { shortcutsView } from './views/shortcuts.js';
import { signInView } from './views/sign-in.js';
import { statsView } from './views/stats.js';

const find = (id) => document.getElementById(id);
const seconds = () => Date.now() / 1000;
const isWide = () => matchMedia('(min-width: 860px)').matches;

const store = createStore(reduce, initialState({ now: seconds(), theme: storedTheme(), ...parseRoute(location.hash) }));

// What feeds the state.

const api = createAPI({ onUnauthorized: () => store.dispatch({ type: 'unauthorized' }) });
let isNewConnection = true;
const socket = createSocket({
  onMessage(message) {
    if (message.type === 'error') actions.notice('error', message.message);
    store.dispatch(message);
    if (message.type === 'queue_state') {
      pages.stateRead(isNewConnection);
      isNewConnection = false;
    }
  },
  onConnection(connection) {
    if (connection.state === 'open') isNewConnection = true;
    store.dispatch({ type: 'connection', connection });
    if (connection.state === 'reconnecting' && connection.retryAt !== null) checkSession();
    if (connection.state === 'open' && store.state.types === null) readTypes();
  },
});
const pages = createPages({ store, api });
const rereads = createRereads({ store, api, socket });
const details = createDetails({ store, api });

/** A refused upgrade looks like a lost connection: asking for the session tells whether a token is missing. */
async function checkSession() {
  try {
    store.dispatch({ type: 'session_read', session: await api.session() });
  } catch (error) {
    if (error.code === 401) socket.stop();
  }
}

async function readTypes() {
  try {
    store.dispatch({ type: 'types_read', types: await api.jobTypes() });
  } catch {
    // Read again with the next connection.
  }
}

async function start() {
  try {
    store.dispatch({ type: 'session_read', session: await api.session() });
  } catch (error) {
    if (error.code === 401) {
      socket.stop();
      return;
    }
  }
  readTypes();
  socket.start();
}

// Where the person is: the address.

let addressTimer = null;

/** Browsers allow only so many changes of the address: what replaces it while typing waits for a pause. */
function writeAddress(hash, push) {
  clearTimeout(addressTimer);
  if (hash === (location.hash || '#/')) return;
  if (push) history.pushState(null, '', hash);
  else addressTimer = setTimeout(() => history.replaceState(null, '', hash), 120);
}

/** Changes what is shown and the address with it. `push` makes a step for Back. */
function navigate({ selected = store.state.selected, filter = {} }, { push = false } = {}) {
  const before = store.state.collection.filter;
  store.dispatch({ type: 'filtered', filter });
  store.dispatch({ type: 'selected', id: selected });
  const hash = routeHash({ selected: store.state.selected, filter: store.state.collection.filter });
  writeAddress(hash, push);
  pages.filterChanged(before);
}

addEventListener('popstate', followAddress);
addEventListener('hashchange', followAddress);

function followAddress() {
  const { selected, filter } = parseRoute(location.hash);
  const before = store.state.collection.filter;
  store.dispatch({ type: 'filtered', filter });
  store.dispatch({ type: 'selected', id: selected });
  idToShow = selected;
  pages.filterChanged(before);
}

// Where the focus goes.

const focus = {
  formField() {
    draw();
    const field = document.querySelector('#job-form input, #job-form select, #job-form textarea') ?? find('submit-job');
    field?.focus();
    find('compose').scrollIntoView({ block: 'nearest' });
  },
  firstFault() {
    draw();
    const field = document.querySelector('#job-form [aria-invalid="true"]');
    (field ?? find('submit-job'))?.focus();
  },
  jobType(name) {
    draw();
    document.querySelector(`#job-types [data-type="${CSS.escape(name)}"]`)?.focus();
  },
  /** The job that was submitted: open beside the list, or, where it would cover the form, only marked. */
  newJob(id) {
    const opens = isWide();
    if (opens) navigate({ selected: id }, { push: true });
    draw();
    queue.show(store.state, id);
    return opens;
  },
  row(id) {
    draw();
    if (!id || !queue.focusJob(store.state, id)) find('search').focus({ preventScroll: true });
  },
};

const actions = createActions({
  store, api, socket, focus, navigate,
  onSignedIn() {
    readTypes();
    socket.start();
  },
});

// Drawing: once a frame, and once a second for what ticks.

const queue = createQueueView({
  scroller: find('queue'), rows: find('queue-rows'), empty: find('empty'), actions, requestRender,
});
let isRequested = false;
let chartAt = null;
const look = (at) => {
  if (at === chartAt) return;
  chartAt = at;
  requestRender();
};

function requestRender() {
  if (isRequested) return;
  isRequested = true;
  requestAnimationFrame(() => {
    if (isRequested) draw();
  });
}

/** The job of the address is shown in the list once it is there. */
let idToShow = store.state.selected;
let wasCovered = false;

/** Where the panel covers the page, what is below is out of reach. */
function cover(isCovered) {
  for (const id of ['header', 'overview', 'compose', 'jobs']) find(id).inert = isCovered;
  if (isCovered && !wasCovered) find('detail-title')?.focus();
  wasCovered = isCovered;
}

function title({ connection, stats }) {
  if (connection.state === 'reconnecting' || connection.state === 'stopped') return 'Not connected · Stint';
  return stats?.running ? `${countText(stats.running)} running · Stint` : 'Stint';
}

function draw() {
  isRequested = false;
  const { state } = store;
  render(find('header'), headerView(state, actions));
  render(find('stats'), statsView(state));
  render(find('chart'), chartView(state, chartAt, look));
  const canWrite = !state.session?.read_only;
  find('compose').hidden = !canWrite;
  render(find('job-types'), canWrite && jobTypesView(state, actions));
  render(find('job-form-place'), canWrite && jobFormView(state, actions));
  render(find('filter-bar'), filtersView(state, actions));
  render(find('queue-bar'), queueBarView(state, actions));
  const detail = find('detail');
  detail.hidden = !state.detail;
  document.body.dataset.detail = state.detail ? 'open' : 'closed';
  render(detail, jobDetailView(state, actions));
  queue.draw(state);
  render(find('notices'), noticesView(state, actions));
  drawDialogs(state);
  cover(Boolean(state.detail) && !isWide());
  const words = title(state);
  if (document.title !== words) document.title = words;
  if (idToShow && state.collection.jobs.get({ id: idToShow })) {
    const id = idToShow;
    idToShow = null;
    queue.show(state, id);
  }
}

function drawDialogs(state) {
  const { dialog } = state;
  const question = dialog?.question ?? null;
  render(find('shortcuts'), dialog === 'shortcuts' && shortcutsView(actions));
  if (question) render(find('confirm'), confirmView(question, actions));
  render(find('sign-in'), dialog === 'sign-in' && signInView(state.signIn, actions));
  setDialog('shortcuts', dialog === 'shortcuts');
  setDialog('confirm', question !== null);
  setDialog('sign-in', dialog === 'sign-in');
}

/** Opens or closes a dialog; the browser keeps the focus in it and gives it back afterwards. */
function setDialog(id, isOpen) {
  const dialog = find(id);
  if (isOpen && !dialog.open) dialog.showModal();
  if (!isOpen && dialog.open) dialog.close();
}

for (const id of ['shortcuts', 'confirm', 'sign-in']) {
  find(id).addEventListener('cancel', (event) => {
    event.preventDefault();
    if (id !== 'sign-in') actions.closeDialog();
  });
  find(id).addEventListener('click', (event) => {
    if (event.target === event.currentTarget && id !== 'sign-in') actions.closeDialog();
  });
}

store.subscribe((state, before, event) => {
  if (state.detail !== before.detail || state.collection !== before.collection
    || state.connection !== before.connection) {
    details.update();
  }
  rereads.schedule();
  if (event.type !== 'tick' || !document.hidden) requestRender();
});

setInterval(() => store.dispatch({ type: 'tick', now: seconds() }), 1000);

for (const [name, target] of [['online', window], ['visibilitychange', document]]) {
  target.addEventListener(name, () => {
    if (document.hidden) return;
    socket.hurry();
    store.dispatch({ type: 'tick', now: seconds() });
    requestRender();
  });
}

// Keys.

/** Moves in the list; an open panel goes along. */
function move(step) {
  const id = queue.move(store.state, step);
  if (id && store.state.selected) navigate({ selected: id });
}

const inList = (event) => event.target === document.body || find('queue').contains(event.target);

listenToKeys({
  '/': () => find('search').focus(),
  '?': () => actions.openDialog('shortcuts'),
  n: () => actions.newJob(),
  t: () => actions.nextTheme(),
  c: () => actions.cancelChosen(queue.activeID),
  r: () => actions.retryChosen(queue.activeID),
  j: () => move(1),
  k: () => move(-1),
  ArrowDown: (event) => inList(event) && move(1),
  ArrowUp: (event) => inList(event) && move(-1),
  PageDown: (event) => find('queue').contains(event.target) && move(queue.pageSize()),
  PageUp: (event) => find('queue').contains(event.target) && move(-queue.pageSize()),
  Home: (event) => find('queue').contains(event.target) && queue.moveTo(store.state, 0),
  End: (event) => find('queue').contains(event.target) && queue.moveTo(store.state, -1),
  Enter: openActive,
  ' ': openActive,
  Escape: escape,
});

function openActive(event) {
  const row = event.target.closest?.('[data-job]');
  if (!row || event.target !== row) return false;
  actions.openJob(row.dataset.job);
  draw();
  find('detail-title')?.focus({ preventScroll: !isWide() });
  return true;
}

function escape(event) {
  if (document.querySelector('dialog[open]')) return false;
  if (event.target.id === 'search' && event.target.value !== '') {
    actions.filter({ q: '' });
    return true;
  }
  if (event.target.matches?.('input, textarea, select')) {
    if (event.target.closest('#job-form')) actions.closeForm();
    else event.target.blur();
    return true;
  }
  if (store.state.selected) {
    actions.closeJob();
    return true;
  }
  if (store.state.form.type) {
    actions.closeForm();
    return true;
  }
  return false;
}

find('skip').addEventListener('click', (event) => {
  event.preventDefault();
  queue.moveTo(store.state, 0) ?? find('search').focus();
});

draw();
details.update();
start();
