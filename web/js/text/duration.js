// Durations in words of fixed shape: 812 ms, 10.0 s, 4 m 05 s, 2 h 03 m, 3 d 4 h.

const two = (number) => String(number).padStart(2, '0');

/** A duration that is over, as exact as its size allows. `—` for none. */
export function durationText(seconds) {
  if (seconds == null || !Number.isFinite(seconds)) return '—';
  const value = Math.max(0, seconds);
  if (value === 0) return '0 ms';
  if (value < 0.001) return '<1 ms';
  if (value < 0.9995) return `${Math.round(value * 1000)} ms`;
  if (value < 59.95) return `${value.toFixed(1)} s`;
  return coarseText(value);
}

/** A duration that ticks, in whole seconds. */
export function tickingText(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  return whole < 60 ? `${whole} s` : coarseText(whole);
}

function coarseText(value) {
  const whole = Math.round(value);
  if (whole < 3600) return `${Math.floor(whole / 60)} m ${two(whole % 60)} s`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} m`;
  return `${Math.floor(whole / 86_400)} d ${Math.floor((whole % 86_400) / 3600)} h`;
}

/** ISO 8601, for a `datetime` attribute. */
export const durationISO = (seconds) => `PT${Math.max(0, seconds ?? 0).toFixed(3)}S`;
