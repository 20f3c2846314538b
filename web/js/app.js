// Puts the page together: the state, what feeds it, and the views that draw it.
//
//   live/socket.js ─┐
//   live/api.js ────┼─▶ store.dispatch(event) ─▶ state/reducer.js ─▶ draw() ─▶ views/*.js
//   actions.js ─────┘

import { createActions } from './actions.js';
import { createDeadActions } from './dead-actions.js';
import { createWorkerActions } from './worker-actions.js';
import { createAPI } from './live/api.js';
import { createDeadLetters } from './live/dead-letters.js';
import { createDetails } from './live/details.js';
import { createPages } from './live/pages.js';
import { createRereads } from './live/rereads.js';
import { createSocket } from './live/socket.js';
import { createWorkers } from './live/workers.js';
import { listenToKeys } from './keyboard.js';
import { render } from './render/element.js';
import { hashOf, parseRoute } from './route.js';
import { countText } from './text/number.js';
import { createStore } from './state/store.js';
import { initialState, reduce } from './state/reducer.js';
import { storedTheme } from './theme.js';
import { chartView } from './views/chart.js';
import { confirmView } from './views/confirm.js';
import { deadLettersView } from './views/dead-letters.js';
import { filtersView, queueBarView } from './views/filters.js';
import { headerView } from './views/header.js';
import { jobDetailView } from './views/job-detail.js';
import { jobFormView } from './views/job-form.js';
import { jobTypesView } from './views/job-types.js';
import { noticesView } from './views/notices.js';
import { createOutputView } from './views/output.js';
import { createQueueView } from './views/queue.js';
import { shortcutsView } from './views/shortcuts.js';
import { signInView } from './views/sign-in.js';
import { statsView } from './views/stats.js';
import { workersDrawn, workersView } from './views/workers.js';

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
const deadLetters = createDeadLetters({ store, api });
const workers = createWorkers({ store, api });

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

function go({ view, selected, filter = {}, dead = {} }) {
  const before = store.state.collection.filter;
  store.dispatch({ type: 'filtered', filter });
  store.dispatch({ type: 'dead_filtered', filter: dead });
  store.dispatch({ type: 'viewed', view });
  store.dispatch({ type: 'selected', id: selected });
  pages.filterChanged(before);
}

/** Changes what is shown and the address with it. `push` makes a step for Back. */
function navigate({ view = store.state.view, selected = store.state.selected, ...filters }, { push = false } = {}) {
  go({ view, selected, ...filters });
  writeAddress(hashOf(store.state), push);
}

addEventListener('popstate', followAddress);
addEventListener('hashchange', followAddress);

function followAddress() {
  clearTimeout(addressTimer);
  const route = parseRoute(location.hash);
  go(route);
  idToShow = route.selected;
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
    if (store.state.view === 'queue') queue.show(store.state, id);
    return opens;
  },
  row(id) {
    draw();
    const { view } = store.state;
    if (view !== 'queue') focus.title(id);
    else if (!id || !queue.focusJob(store.state, id)) find('search').focus({ preventScroll: true });
  },
  /** The open panel, reached from a link. */
  panel() {
    draw();
    find('detail-title')?.focus({ preventScroll: !isWide() });
  },
  /** The link of a job on the page that is shown, or the page's heading. */
  title(id = null) {
    draw();
    const page = find(store.state.view);
    const link = id && page?.querySelector(`[data-job="${CSS.escape(id)}"] a`);
    (link || page?.querySelector('h2'))?.focus({ preventScroll: true });
  },
  /** The link of the page that is shown. */
  page() {
    draw();
    document.querySelector('#pages [aria-current]')?.focus({ preventScroll: true });
  },
  /** After an act on many: what was pressed may be gone. */
  afterQuestion() {
    draw();
    if (document.activeElement === document.body && store.state.view !== 'queue') focus.title();
  },
};

const actions = createActions({
  store, api, socket, focus, navigate,
  onSignedIn() {
    readTypes();
    socket.start();
  },
});
Object.assign(actions, createDeadActions({
  store, api, navigate, focus, notice: actions.notice, attempt: actions.attempt, reader: deadLetters,
}), createWorkerActions({ store, api, reader: workers }), { focusDetail: focus.panel, focusTitle: focus.title });

// Drawing: once a frame, and once a second for what ticks.

const queue = createQueueView({
  scroller: find('queue'), rows: find('queue-rows'), empty: find('empty'), actions, requestRender,
});
const output = createOutputView({ actions, requestRender });
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
  for (const id of ['header', 'overview', 'compose', 'jobs', 'dead-letters', 'workers']) find(id).inert = isCovered;
  if (isCovered && !wasCovered) find('detail-title')?.focus();
  wasCovered = isCovered;
}

const pageTitles = { 'dead-letters': 'Dead letters · Stint', workers: 'Workers · Stint' };

function title({ connection, stats, view }) {
  if (connection.state === 'reconnecting' || connection.state === 'stopped') return 'Not connected · Stint';
  if (pageTitles[view]) return pageTitles[view];
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
  drawPage(state);
  const detail = find('detail');
  detail.hidden = !state.detail;
  document.body.dataset.detail = state.detail ? 'open' : 'closed';
  render(detail, jobDetailView(state, actions, output));
  output.drawn();
  render(find('notices'), noticesView(state, actions));
  drawDialogs(state);
  cover(Boolean(state.detail) && !isWide());
  const words = title(state);
  if (document.title !== words) document.title = words;
  if (state.view === 'queue' && idToShow && state.collection.jobs.get({ id: idToShow })) {
    const id = idToShow;
    idToShow = null;
    queue.show(state, id);
  }
}

/** The page that is shown; the others are not drawn. */
function drawPage(state) {
  const { view } = state;
  document.body.dataset.view = view;
  find('jobs').hidden = view !== 'queue';
  for (const page of ['dead-letters', 'workers']) find(page).hidden = view !== page;
  if (view === 'queue') {
    render(find('filter-bar'), filtersView(state, actions));
    render(find('queue-bar'), queueBarView(state, actions));
    queue.draw(state);
  }
  render(find('dead-letters'), view === 'dead-letters' && deadLettersView(state, actions));
  render(find('workers'), view === 'workers' && workersView(state, actions));
  if (view === 'workers') workersDrawn(state);
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
  feedPages(state, before);
  rereads.schedule();
  if (event.type !== 'tick' || !document.hidden) requestRender();
});

/** What only one page needs is read while that page is shown. */
function feedPages(state, before) {
  const isMoved = state.view !== before.view || state.connection !== before.connection;
  if (isMoved || state.dead !== before.dead) deadLetters.update();
  if (isMoved || state.stats !== before.stats) workers.update();
}

setInterval(() => store.dispatch({ type: 'tick', now: seconds() }), 1000);

for (const [name, target] of [['online', window], ['visibilitychange', document]]) {
  target.addEventListener(name, () => {
    details.update();
    deadLetters.update();
    workers.update();
    if (document.hidden) return;
    socket.hurry();
    store.dispatch({ type: 'tick', now: seconds() });
    requestRender();
  });
}

// Keys.

/** The part of the page that short cuts for the list act on. */
const isQueue = () => store.state.view === 'queue';
const activeID = () => (isQueue() ? queue.activeID : null);

/** Moves among the links of a page other than the queue. */
function moveLink(step) {
  const links = [...find(store.state.view).querySelectorAll('[data-row]')];
  const place = links.indexOf(document.activeElement);
  const next = links[place < 0 ? 0 : Math.min(links.length - 1, Math.max(0, place + step))];
  next?.focus();
  next?.scrollIntoView({ block: 'nearest' });
}

/** Moves in the list; an open panel goes along. */
function move(step) {
  if (!isQueue()) {
    moveLink(step);
    return;
  }
  const id = queue.move(store.state, step);
  if (id && store.state.selected) navigate({ selected: id });
}

const inList = (event) => event.target === document.body || find('queue').contains(event.target);

listenToKeys({
  '/': () => (find(isQueue() ? 'search' : 'dead-search') ?? find('worker-count'))?.focus(),
  g: nextPage,
  '?': () => actions.openDialog('shortcuts'),
  n: () => actions.newJob(),
  t: () => actions.nextTheme(),
  c: () => actions.cancelChosen(activeID()),
  r: () => actions.retryChosen(activeID()),
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

function nextPage() {
  const views = ['queue', 'dead-letters', 'workers'];
  const view = views[(views.indexOf(store.state.view) + 1) % views.length];
  navigate({ view, selected: null }, { push: true });
  focus.page();
}

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
  if (event.target.id === 'dead-search' && event.target.value !== '') {
    actions.filterDead({ q: '' });
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
  if (!isQueue()) focus.title();
  else queue.moveTo(store.state, 0) ?? find('search').focus();
});

draw();
details.update();
start();
