// Which part of a long list is to be seen, whether the list scrolls itself (wide) or the page does (narrow).

const overscan = 400;

/** The span of `rows`, in pixels from its top, to draw: what is visible and some more on both sides. */
export function visibleSpan(scroller, rows) {
  const clip = scroller.getBoundingClientRect();
  const top = rows.getBoundingClientRect().top;
  const from = Math.max(0, clip.top) - top;
  const to = Math.min(window.innerHeight, clip.bottom) - top;
  return { from: from - overscan, to: Math.max(from, to) + overscan, top: from };
}

/** Scrolls by so many pixels whichever of the two scrolls. */
export function scrollByPixels(scroller, pixels) {
  if (scroller.scrollHeight > scroller.clientHeight + 1) scroller.scrollTop += pixels;
  else window.scrollBy(0, pixels);
}

/** Scrolls as little as shows the span `from`–`to` of `rows`; `margin` is covered by what sticks at the top. */
export function reveal(scroller, rows, from, to, margin = 0) {
  const clip = scroller.getBoundingClientRect();
  const top = rows.getBoundingClientRect().top;
  const first = Math.max(margin, clip.top);
  const last = Math.min(window.innerHeight, clip.bottom);
  if (top + from < first) scrollByPixels(scroller, top + from - first);
  else if (top + to > last) scrollByPixels(scroller, top + to - last);
}
