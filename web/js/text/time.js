// Instants in the reader's zone: relative for reading, absolute on hover.

const absolute = new Intl.DateTimeFormat(undefined, {
  year: 'numeric', month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit',
  timeZoneName: 'short',
});
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });

const date = (seconds) => {
  const value = new Date(seconds * 1000);
  return Number.isNaN(value.getTime()) ? null : value;
};

/** `Nov 21, 2026, 14:03:07 CET`. */
export function absoluteText(seconds) {
  const value = date(seconds);
  return value ? absolute.format(value) : '—';
}

/** `14:03:07`. */
export function clockText(seconds) {
  const value = date(seconds);
  return value ? clock.format(value) : '—';
}

/** ISO 8601, for a `datetime` attribute. */
export function isoText(seconds) {
  return date(seconds)?.toISOString() ?? '';
}

const steps = [[60, 1, 's'], [3600, 60, 'min'], [86_400, 3600, 'h'], [86_400 * 60, 86_400, 'd'], [Infinity,
  86_400 * 30.44, 'mo']];

function amount(seconds) {
  const [, unit, name] = steps.find(([limit]) => seconds < limit);
  return `${Math.floor(seconds / unit)} ${name}`;
}

/** `just now`, `12 s ago`, `4 min ago`, `in 3 h`. */
export function relativeText(seconds, now) {
  const distance = now - seconds;
  if (distance >= 0) return distance < 1 ? 'just now' : `${amount(distance)} ago`;
  return distance > -1 ? 'now' : `in ${amount(Math.ceil(-distance))}`;
}

/** What is left until an instant, counting down: `4 s`, `2 min`; `now` when it has come. */
export function countdownText(seconds, now) {
  const left = Math.ceil(seconds - now);
  return left <= 0 ? 'now' : amount(left);
}
