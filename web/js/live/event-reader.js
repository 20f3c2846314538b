// Server-Sent Events out of text, read with `fetch`: unlike `EventSource` it can begin after a given event.

/** `push(text)` calls `onEvent({event, data, id})` for each whole event; `id` is the last one that was given. */
export function createEventParser(onEvent) {
  let rest = '';
  let id = null;
  let name = '';
  let data = [];

  function field(line) {
    const colon = line.indexOf(':');
    if (colon === 0) return;
    const key = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + (line[colon + 1] === ' ' ? 2 : 1));
    if (key === 'event') name = value;
    else if (key === 'data') data.push(value);
    else if (key === 'id') id = value;
  }

  function end() {
    if (data.length > 0) onEvent({ event: name || 'message', data: data.join('\n'), id });
    name = '';
    data = [];
  }

  return {
    push(text) {
      const lines = (rest + text).split('\n');
      rest = lines.pop();
      for (const line of lines) {
        const whole = line.endsWith('\r') ? line.slice(0, -1) : line;
        if (whole === '') end();
        else field(whole);
      }
    },
  };
}
