// What a process printed, made fit to be read as text: what only a terminal understands is left out.

/** Colours and movements (CSI), titles and links (OSC and its kind), and what else begins with Escape. */
const sequences = new RegExp([
  '(?:\\u001b\\[|\\u009b)[0-?]*[ -/]*[@-~]',
  '\\u001b[\\]PX^_][^\\u0007\\u001b]*(?:\\u0007|\\u001b\\\\)',
  '\\u001b[ -/]*[0-Z\\\\^-~]',
].join('|'), 'g');

/** `text` without the escape sequences of terminals. */
export const withoutEscapes = (text) => text.replace(sequences, '');

/**
 * What a terminal shows of a line in which the cursor went back to its start: the last that was written. A carriage
 * return at the very end stays, as a line break may follow.
 */
export function lastWritten(line) {
  const end = /\r+$/.exec(line)?.[0] ?? '';
  const body = line.slice(0, line.length - end.length);
  return body.slice(body.lastIndexOf('\r') + 1) + (end && '\r');
}

/** A line as it is shown. */
export const lineText = (line) => withoutEscapes(line.replace(/\r$/, ''));
