// The live figures: how many jobs stand how, how fast it goes, which slots are busy.

import { h } from '../render/element.js';
import { countText, rateText } from '../text/number.js';
import { durationText } from '../text/duration.js';
import { glyph } from './status.js';

const mostDots = 16;
const counted = [
  ['running', 'Running'], ['pending', 'Pending'], ['retrying', 'Retrying'], ['scheduled', 'Scheduled'],
  ['failed', 'Failed'], ['completed', 'Completed'], ['cancelled', 'Cancelled'],
];

/** A figure; a long one is set smaller, so that it can be read whole. */
const figure = (name, text, title = null) =>
  h('dd', { 'data-stat': name, title, 'data-long': text.length > 8 ? 'very' : text.length > 6 ? 'yes' : null }, text);

function countStat(stats, name, label) {
  const count = stats?.[name];
  return h('div', { class: 'stat', 'data-status': name, 'data-zero': !count },
    h('dt', null, glyph(name), h('span', null, label)),
    figure(name, countText(count)));
}

function slots(worker) {
  const capacity = worker?.capacity ?? 0;
  const active = worker?.active ?? 0;
  const dots = capacity > 0 && capacity <= mostDots
    ? h('span', { class: 'slots', 'aria-hidden': 'true' },
      Array.from({ length: capacity }, (_, slot) => h('span', { 'data-busy': slot < active })))
    : null;
  return h('div', { class: 'stat' },
    h('dt', null, h('span', null, 'Slots'), dots),
    figure('slots', worker ? `${countText(active)}/${countText(capacity)}` : '—',
      `${active} of ${capacity} worker slots are busy`));
}

export function statsView(state) {
  const { stats } = state;
  return h('dl', { class: 'stat-list' },
    counted.map(([name, label]) => countStat(stats, name, label)),
    h('div', { class: 'stat' },
      h('dt', null, h('span', null, 'Jobs/s')),
      figure('throughput', rateText(stats?.throughput),
        `jobs that ended a second, in the last ${stats?.window_seconds ?? 10} s`)),
    h('div', { class: 'stat' },
      h('dt', null, h('span', null, 'Mean time')),
      figure('avg', stats?.avg_duration_ms == null ? '—' : durationText(stats.avg_duration_ms / 1000),
        `mean duration of the last ${stats?.window_seconds ?? 10} s`)),
    slots(stats?.worker));
}
