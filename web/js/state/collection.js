// The jobs that the page keeps, in order, with what the filter shows of them and counts of both.
//
// A collection is part of the state and never changes; `edit` gives the next one. Changing one job costs O(log n).

import { changed, compareIds, compareKeys, fromWire } from './job.js';
import { NO_FILTER, inStatus, isNarrow, narrowTest } from './filter.js';
import { Tree } from './tree.js';

/** As many jobs are kept; beyond that the last of the list (the oldest that ended) go. */
export const KEEP = 10_000;
/** As many older ones are kept on top while a filter or search shows them. */
export const KEEP_FOUND = 1_000;
const keepRemoved = 5_000;

const noIds = new Tree(compareIds);
const noKeys = new Tree(compareKeys);

/**
 * `horizon`: of jobs submitted up to this time the page may not hold all.
 * `wholeAt`: the clock when it last held all that the server had.
 */
export const emptyCollection = (filter = NO_FILTER) => ({
  jobs: noIds, order: noKeys, shown: noKeys, counts: {}, matching: {}, filter, extra: 0, horizon: 0,
  removed: noIds, removedBefore: noIds, wholeAt: 0,
});

/** A collection to be filled with all jobs of the server, at `clock`. What was removed stays known. */
export const emptied = ({ filter, removed, removedBefore }, clock) =>
  ({ ...emptyCollection(filter), removed, removedBefore, wholeAt: clock });

const isPlain = (filter) => filter.status === 'all' && !isNarrow(filter);

/** An edit under way: a copy of the collection's few fields, over the same trees. */
class Edit {
  constructor(collection) {
    Object.assign(this, collection);
    this.counts = { ...collection.counts };
    this.matching = { ...collection.matching };
    this.matches = narrowTest(collection.filter);
    this.plain = isPlain(collection.filter);
  }

  count(job, step) {
    this.counts[job.status] = (this.counts[job.status] ?? 0) + step;
    if (this.matches(job)) this.matching[job.status] = (this.matching[job.status] ?? 0) + step;
  }

  isShown(job) {
    return inStatus(this.filter, job.status) && this.matches(job);
  }

  put(job) {
    const before = this.jobs.get(job);
    this.jobs = this.jobs.add(job);
    const moved = !before || before.key !== job.key;
    if (before) this.count(before, -1);
    this.count(job, 1);
    if (moved) {
      if (before) this.order = this.order.remove(before.key);
      this.order = this.order.add(job.key);
    }
    if (this.plain) return;
    const wasShown = before ? this.isShown(before) : false;
    const isShown = this.isShown(job);
    if (wasShown && (moved || !isShown)) this.shown = this.shown.remove(before.key);
    if (isShown && (moved || !wasShown)) this.shown = this.shown.add(job.key);
  }

  drop(id) {
    const job = this.jobs.get({ id });
    if (!job) return;
    this.jobs = this.jobs.remove(job);
    this.order = this.order.remove(job.key);
    if (!this.plain) this.shown = this.shown.remove(job.key);
    this.count(job, -1);
  }

  /** Drops `id` and remembers for a while that it was removed, so that an answer under way does not bring it back. */
  remove(id, asOf) {
    this.drop(id);
    this.removed = this.removed.add({ id, asOf });
    if (this.removed.size >= keepRemoved) {
      this.removedBefore = this.removed;
      this.removed = noIds;
    }
  }

  /** Takes a job that was read when the page had seen `asked` events, unless something newer is known of it. */
  takeRead(wire, asked) {
    const held = this.jobs.get(wire);
    if (held && held.asOf > asked) return false;
    // Since then all jobs there are were known, and it was not among them.
    if (!held && asked < this.wholeAt) return false;
    const gone = this.removed.get(wire) ?? this.removedBefore.get(wire);
    if (gone && gone.asOf > asked) return false;
    this.put(fromWire(wire, asked));
    return true;
  }

  /** Takes a job from the server's live events: the newest there is. */
  takeLive(wire, asOf) {
    if (this.removed.get(wire)) this.removed = this.removed.remove(wire);
    if (this.removedBefore.get(wire)) this.removedBefore = this.removedBefore.remove(wire);
    this.put(fromWire(wire, asOf));
  }

  change(id, fields, asOf) {
    const job = this.jobs.get({ id });
    if (job) this.put(changed(job, fields, asOf));
  }

  wasRemoved(id) {
    return this.removed.get({ id }) !== undefined || this.removedBefore.get({ id }) !== undefined;
  }

  done() {
    while (this.jobs.size > KEEP + this.extra) {
      const last = this.jobs.get(this.order.last());
      this.horizon = Math.max(this.horizon, last.created_at ?? 0);
      this.drop(last.id);
    }
    return {
      jobs: this.jobs, order: this.order, shown: this.plain ? this.order : this.shown, counts: this.counts,
      matching: this.matching, filter: this.filter, extra: this.extra,
      horizon: this.horizon, removed: this.removed,
      removedBefore: this.removedBefore, wholeAt: this.wholeAt,
    };
  }
}

/** The collection after `change(edit)`. */
export function edit(collection, change) {
  const draft = new Edit(collection);
  change(draft);
  return draft.done();
}

/** The collection seen through another filter: one look at each job. */
export function refiltered(collection, filter) {
  const matches = narrowTest(filter);
  const plain = isPlain(filter);
  const matching = {};
  const keys = [];
  collection.order.each((key) => {
    const job = collection.jobs.get(key);
    if (!matches(job)) return;
    matching[job.status] = (matching[job.status] ?? 0) + 1;
    if (!plain && inStatus(filter, job.status)) keys.push(key);
  });
  const next = {
    ...collection, filter, matching, shown: plain ? collection.order : Tree.from(keys, compareKeys), extra: 0,
  };
  return next.jobs.size > KEEP ? edit(next, () => {}) : next;
}
