// The keys of the whole page. None of them while typing, none with Ctrl, Alt or Meta.

const isField = (element) => Boolean(element?.closest?.('input, textarea, select, [contenteditable]'));

/** `keys`: functions by key name; each gets the event, and what it returns as `false` leaves the key to the browser. */
export function listenToKeys(keys) {
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || event.defaultPrevented) return;
    if (event.key !== 'Escape' && isField(event.target)) return;
    if (document.querySelector('dialog[open]') && event.key !== 'Escape') return;
    const act = keys[event.key];
    if (!act || act(event) === false) return;
    event.preventDefault();
  });
}
