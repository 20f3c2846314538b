// The chosen job, of which the panel shows more than the list keeps.

export const newDetail = (id) => ({ id, whole: null, history: null, fault: null, gone: false, stale: 0 });

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
