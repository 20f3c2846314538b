// The chart's points: one a second, five minutes of them.

export const SAMPLE_SECONDS = 300;

const waitingIn = (stats) =>
  (stats.pending ?? 0) + (stats.retrying ?? 0) + (stats.scheduled ?? 0) + (stats.blocked ?? 0);

/** `samples` with the point of this second, and without what is older than five minutes. */
export function withSample(samples, second, stats) {
  const last = samples[samples.length - 1];
  if (last && second < last.at) return samples;
  const point = { at: second, throughput: stats.throughput ?? 0, waiting: waitingIn(stats),
    running: stats.running ?? 0 };
  let kept = samples;
  if (last && last.at === second) kept = kept.slice(0, -1);
  const oldest = second - SAMPLE_SECONDS;
  const from = kept.findIndex((sample) => sample.at > oldest);
  return [...(from < 0 ? [] : from > 0 ? kept.slice(from) : kept), point];
}

/**
 * The five minutes before the page was opened, told from the times of the jobs that are known. Where older jobs are
 * not known (or were removed), less is shown than there was.
 */
export function samplesFromJobs(jobs, second, windowSeconds = 10) {
  const start = second - SAMPLE_SECONDS + 1;
  const ended = new Array(SAMPLE_SECONDS + windowSeconds).fill(0);
  const waiting = new Array(SAMPLE_SECONDS + 1).fill(0);
  const running = new Array(SAMPLE_SECONDS + 1).fill(0);
  const index = (time) => Math.min(SAMPLE_SECONDS, Math.max(0, Math.ceil(time) - start));
  const span = (steps, from, to) => {
    const first = index(from);
    const last = index(to);
    if (first < last) {
      steps[first] += 1;
      steps[last] -= 1;
    }
  };
  let oldest = Infinity;
  jobs.each((job) => {
    if (!job.created_at) return;
    oldest = Math.min(oldest, job.created_at);
    const over = job.completed_at ?? second + 1;
    if (over < start - windowSeconds) return;
    const begun = job.started_at ?? over;
    span(waiting, job.created_at, Math.min(begun, over));
    if (job.started_at) span(running, job.started_at, over);
    const place = Math.floor(over) - start + windowSeconds;
    if (job.status === 'completed' && place >= 0 && place < ended.length) ended[place] += 1;
  });
  const samples = [];
  let waits = 0;
  let runs = 0;
  let sum = 0;
  for (let place = 0; place < windowSeconds; place += 1) sum += ended[place];
  for (let step = 0; step < SAMPLE_SECONDS; step += 1) {
    waits += waiting[step];
    runs += running[step];
    sum += ended[step + windowSeconds] - ended[step];
    const at = start + step;
    if (at >= oldest - 1) samples.push({ at, throughput: sum / windowSeconds, waiting: waits, running: runs });
  }
  return samples;
}
