// What a person can do on the page of dead letters. What concerns many asks the server first what it would do (a dry
// run), says so, and does it once the person said yes.

import { deadBody, deadQuery, isDeadNarrow } from './state/dead-letters.js';
import { plural } from './text/number.js';
import { plainLine } from './text/plain.js';

/** Which jobs a filter means, in words. */
export function deadWords(filter) {
  if (!isDeadNarrow(filter)) return 'all dead letters';
  const { type, error, queue, q } = filter;
  return [
    type ? `${plainLine(type)} jobs` : 'jobs', error && `that failed with ${plainLine(error)}`,
    queue && `of queue ${plainLine(queue)}`, q.trim() && `in which “${plainLine(q.trim())}” is found`,
  ].filter(Boolean).join(' ');
}

/** How many were left out because their types are closed to those who come over HTTP; '' for none. */
const leftWords = (skipped) => (skipped === 0 ? ''
  : `${plural(skipped, 'job')} of types that are closed to this page ${skipped === 1 ? 'stays' : 'stay'} here`);

const requeued = (answer) => ({ count: answer.requeued, skipped: answer.skipped ?? 0 });
const removed = (answer) => ({ count: answer.removed, skipped: 0 });

/** Each asks the server for `{count, skipped}`. */
const asks = {
  requeue: {
    dryRun: async (api, filter) => requeued(await api.requeueDead({ ...deadBody(filter), dry_run: true })),
    run: async (api, filter) => requeued(await api.requeueDead(deadBody(filter))),
    done: ({ count, skipped }) => [`${plural(count, 'job')} ${count === 1 ? 'is' : 'are'} back in the queue`,
      leftWords(skipped)].filter(Boolean).join('; '),
    question: ({ count, skipped }, words) => ({
      title: `Requeue ${plural(count, 'job')}?`, kind: 'primary', yes: `Requeue ${plural(count, 'job')}`,
      text: [`This would requeue ${plural(count, 'job')}: ${words}. Their retries start anew, what happened stays.`,
        skipped > 0 && `${leftWords(skipped)}.`].filter(Boolean).join(' '),
      no: 'Leave as is',
    }),
  },
  purge: {
    dryRun: async (api, filter) => removed(await api.purgeDead(`${purgeQuery(filter)}&dry_run=true`)),
    run: async (api, filter) => removed(await api.purgeDead(purgeQuery(filter))),
    done: ({ count }) => `${plural(count, 'job')} removed`,
    question: ({ count }, words) => ({
      title: `Remove ${plural(count, 'job')} for good?`, kind: 'danger', yes: `Remove ${plural(count, 'job')}`,
      text: `This would remove ${plural(count, 'job')}: ${words}. Their history and output go too. `
        + 'It can not be undone.',
      no: count === 1 ? 'Keep it' : 'Keep them',
    }),
  },
};

const purgeQuery = (filter) => (isDeadNarrow(filter) ? deadQuery(filter).toString() : 'all=true');

export function createDeadActions({ store, api, navigate, focus, notice, attempt, reader }) {
  const canWrite = () => !store.state.session?.read_only;
  const acting = (act) => store.dispatch({ type: 'dead_acting', act });
  const filtered = (filter, options) =>
    navigate({ view: 'dead-letters', dead: { ...store.state.dead.filter, ...filter } }, options);

  async function act(kind, filter) {
    acting(kind);
    await attempt(async () => notice('done', asks[kind].done(await asks[kind].run(api, filter))));
    acting(null);
    store.dispatch({ type: 'dead_wanted' });
    focus.afterQuestion();
  }

  /** Asks for the number of jobs first, then the person, then does it. */
  async function ask(kind, filter) {
    if (!canWrite() || store.state.dead.act) return;
    acting(kind);
    const found = await attempt(() => asks[kind].dryRun(api, filter));
    acting(null);
    if (found === undefined) return;
    if (found.count === 0) {
      notice('info', leftWords(found.skipped) || 'No dead letter matches any more');
      store.dispatch({ type: 'dead_wanted' });
      return;
    }
    const question = { ...asks[kind].question(found, deadWords(filter)), act: () => act(kind, filter) };
    store.dispatch({ type: 'dialog_opened', dialog: { question } });
  }

  return {
    filterDead: filtered,
    /** Shows the jobs of a group, or with null those of all. */
    openGroup(group) {
      filtered({ type: group?.type ?? '', error: group?.error ?? '' }, { push: true });
      focus.title();
    },
    requeueDead: (filter) => ask('requeue', filter),
    purgeDead: (filter) => ask('purge', filter),
    readDead: () => store.dispatch({ type: 'dead_wanted' }),
    moreDead: () => attempt(() => reader.more()),
  };
}
