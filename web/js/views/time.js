// Times and durations as elements.

import { h } from '../render/element.js';
import { absoluteText, isoText, relativeText } from '../text/time.js';
import { durationISO, durationText, tickingText } from '../text/duration.js';

/** `4 min ago`, with the whole time on hover. What has happened never lies ahead, whatever the clocks say. */
export const timeAgo = (seconds, now) =>
  h('time', { datetime: isoText(seconds), title: absoluteText(seconds) }, relativeText(Math.min(seconds, now), now));

/** A time in full, with how long ago on hover. */
export const timeInFull = (seconds, now) =>
  h('time', { datetime: isoText(seconds), title: relativeText(seconds, now) }, absoluteText(seconds));

/** A duration that is over. */
export const duration = (seconds) => h('time', { datetime: durationISO(seconds) }, durationText(seconds));

/** A duration from `start` until now. */
export const elapsed = (start, now) =>
  h('time', { datetime: durationISO(now - start), title: `since ${absoluteText(start)}` }, tickingText(now - start));
