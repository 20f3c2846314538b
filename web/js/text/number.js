// Numbers for reading.

const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const tenth = new Intl.NumberFormat(undefined, { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** `1,204`. */
export const countText = (number) => (Number.isFinite(number) ? whole.format(number) : '—');

/** `3.2`, and `120` from a hundred on. */
export function rateText(number) {
  if (!Number.isFinite(number)) return '—';
  return number >= 100 || number === 0 ? whole.format(number) : tenth.format(number);
}

/** `1 job`, `2 jobs`. */
export const plural = (count, one, many = `${one}s`) => `${countText(count)} ${count === 1 ? one : many}`;

/** `4.2 KB`. */
export function bytesText(count) {
  if (count < 1000) return `${count} B`;
  return count < 1e6 ? `${(count / 1e3).toFixed(1)} KB` : `${(count / 1e6).toFixed(1)} MB`;
}
