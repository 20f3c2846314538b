// The chosen job, of which the panel shows more than the list keeps.

import { canRetry } from './job.js';

/** `after` holds the jobs that took over and that the list does not have; of one that was removed only id and `gone`. */
export const newDetail = (id) =>
  ({ id, whole: null, history: null, after: [], fault: null, gone: false, stale: 0 });

/** How many jobs of a chain are looked at. */
export const mostLinks = 100;

/** The jobs that took over from `job`, one after the other; ends with null where the next one is not known. */
function takeovers(job, { collection, detail }) {
  const chain = [];
  for (let id = job?.escalated_to; id && chain.length < mostLinks; id = chain.at(-1)?.escalated_to) {
    const { jobs, removed, removedBefore } = collection;
    const next = jobs.get({ id }) ?? detail?.after.find((other) => other.id === id) ?? null;
    if (next?.gone || (!next && (removed.get({ id }) || removedBefore.get({ id })))) break;
    chain.push(next);
  }
  return chain;
}

/** The job that a retry of `job` lets run again, itself or the last that took over; null where there is none. */
export function retryTarget(job, state) {
  const last = takeovers(job, state).at(-1);
  const target = last === undefined ? job : last;
  return canRetry(target) ? target : null;
}

/** The chosen job: what was read of it, under what the list knows better. */
export function detailJob({ detail, collection }) {
  if (!detail) return null;
  const held = collection.jobs.get({ id: detail.id });
  if (!detail.whole) return held ?? null;
  if (!held) return detail.whole;
  const same = held.status === detail.whole.status && held.attempt === detail.whole.attempt;
  return { ...detail.whole, ...held, error: same ? detail.whole.error : held.error, params: detail.whole.params,
    result: detail.whole.result, progress: held.progress ?? (same ? detail.whole.progress : null) };
}
