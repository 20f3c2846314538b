// The last five minutes: how many jobs ended a second, and how many wait and run. Drawn from the state's samples.

import { h, keyed } from '../render/element.js';
import { SAMPLE_SECONDS } from '../state/samples.js';
import { countText, rateText } from '../text/number.js';
import { clockText } from '../text/time.js';

const width = 600;
const height = 100;
const gapSeconds = 5;

/** The next "round" number at or above `value`: 1, 2, 5, 10, 20, … */
export function roundUp(value) {
  if (value <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value - 1e-9);
}

/** The points of one measure as an SVG path; a gap where the page was not looking. */
export function linePath(samples, measure, end, top, closed = false) {
  let path = '';
  let before = null;
  let startX = 0;
  const x = (at) => (width - ((end - at) / SAMPLE_SECONDS) * width).toFixed(1);
  const close = () => (closed && before ? `L${x(before.at)} ${height}L${startX} ${height}Z` : '');
  for (const sample of samples) {
    const place = `${x(sample.at)} ${(height - (Math.min(sample[measure], top) / top) * (height - 4)).toFixed(1)}`;
    if (!before || sample.at - before.at > gapSeconds) {
      path += `${close()}M${place}`;
      startX = x(sample.at);
    } else {
      path += `L${place}`;
    }
    before = sample;
  }
  return path + close();
}

function plot(state, { title, legend, measures, top, unit, now }) {
  const { samples } = state;
  const lines = keyed('lines', [samples, top, now], () =>
    h('svg', { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: 'none', 'aria-hidden': 'true',
      class: 'plot-lines' },
      [0.25, 0.5, 0.75].map((part) =>
        h('line', { class: 'plot-grid', x1: 0, x2: width, y1: height * part, y2: height * part })),
      measures.map(([measure]) => [
        h('path', { class: 'plot-area', 'data-measure': measure, d: linePath(samples, measure, now, top, true) }),
        h('path', { class: 'plot-line', 'data-measure': measure, d: linePath(samples, measure, now, top) }),
      ])));
  const sample = state.chartAt === null ? null : nearest(samples, now - state.chartAt);
  return h('figure', { class: 'plot' },
    h('figcaption', null, h('span', { class: 'plot-title' }, title), legend),
    h('div', { class: 'plot-area-box' },
      lines,
      sample && h('div', { class: 'plot-cursor',
        style: { left: `${(1 - (now - sample.at) / SAMPLE_SECONDS) * 100}%` } }),
      h('span', { class: 'plot-top', 'aria-hidden': 'true' }, `${countText(top)}${unit}`),
      h('span', { class: 'plot-zero', 'aria-hidden': 'true' }, '0')));
}

const nearest = (samples, at) =>
  samples.reduce((best, sample) => (!best || Math.abs(sample.at - at) < Math.abs(best.at - at) ? sample : best), null);

const most = (samples, measure) => samples.reduce((top, sample) => Math.max(top, sample[measure]), 0);

const readOut = (sample) =>
  `${clockText(sample.at)}: ${rateText(sample.throughput)} jobs a second, `
  + `${countText(sample.waiting)} waiting, ${countText(sample.running)} running`;

function summary(samples) {
  if (samples.length === 0) return 'No figures yet.';
  const last = samples[samples.length - 1];
  return 'The last five minutes. '
    + `Now ${rateText(last.throughput)} jobs a second, at most ${rateText(most(samples, 'throughput'))}. `
    + `Now ${countText(last.waiting)} waiting, at most ${countText(most(samples, 'waiting'))}; `
    + `${countText(last.running)} running, at most ${countText(most(samples, 'running'))}.`;
}

const legendEntry = (measure, label, value) =>
  h('span', { class: 'legend', 'data-measure': measure }, h('i', { 'aria-hidden': 'true' }), `${label} `, h('b', null,
    value));

/** `chartAt`: seconds ago that the pointer or the keyboard looks at, or null. */
export function chartView(state, chartAt, look) {
  const { samples } = state;
  const now = Math.floor(state.now);
  const shown = chartAt === null ? samples[samples.length - 1] : nearest(samples, now - chartAt);
  const depth = roundUp(Math.max(most(samples, 'waiting'), most(samples, 'running')));
  const speed = roundUp(most(samples, 'throughput'));
  const view = { ...state, chartAt };
  return [
    h('p', { class: 'visually-hidden', id: 'chart-text' }, keyed('text', [Math.floor(now / 10), samples.length === 0],
      () => h('span', null, summary(samples)))),
    h('div', {
      class: 'plots', role: 'slider', tabindex: 0, 'aria-label': 'Moment in the chart',
        'aria-valuemin': -SAMPLE_SECONDS,
      'aria-valuemax': 0, 'aria-valuenow': chartAt === null ? 0 : -chartAt, 'aria-describedby': 'chart-text',
      'aria-valuetext': shown ? readOut(shown) : 'No figures yet',
      onpointermove: (event) => look(pointerPlace(event)), onpointerleave: () => look(null), onblur: () => look(null),
      onkeydown: (event) => keyPlace(event, chartAt, look),
    },
    plot(view, {
      title: 'Throughput', top: speed, unit: '/s', now, measures: [['throughput']],
      legend: legendEntry('throughput', 'jobs a second', shown ? rateText(shown.throughput) : '—'),
    }),
    plot(view, {
      title: 'Depth', top: depth, unit: '', now, measures: [['waiting'], ['running']],
      legend: [legendEntry('waiting', 'waiting', shown ? countText(shown.waiting) : '—'),
        legendEntry('running', 'running', shown ? countText(shown.running) : '—')],
    })),
    h('div', { class: 'plot-times', 'aria-hidden': 'true' },
      h('span', null, '5 min ago'), h('span', null, chartAt === null || !shown ? '' : clockText(shown.at)), h('span',
        null, 'now')),
  ];
}

function pointerPlace(event) {
  const box = event.target.closest?.('.plot-area-box');
  if (!box) return null;
  const { left, width: boxWidth } = box.getBoundingClientRect();
  const part = Math.min(1, Math.max(0, (event.clientX - left) / boxWidth));
  return Math.round((1 - part) * SAMPLE_SECONDS);
}

function keyPlace(event, chartAt, look) {
  const steps = { ArrowLeft: 5, ArrowRight: -5, PageUp: 30, PageDown: -30, Home: SAMPLE_SECONDS, End: -SAMPLE_SECONDS };
  const step = steps[event.key];
  if (step === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  look(Math.min(SAMPLE_SECONDS, Math.max(0, (chartAt ?? 0) + step)));
}
