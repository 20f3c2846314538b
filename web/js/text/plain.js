// Text of jobs made safe to look at: what has no shape is shown, what would turn lines around is named.

const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

function shown(character) {
  const code = character.codePointAt(0);
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  if (code === 0x7f) return '\u2421';
  return `⟨${code.toString(16).toUpperCase().padStart(4, '0')}⟩`;
}

/** Several lines: line breaks and tabs stay. */
export const plainText = (text) => String(text ?? '').replace(/\r\n/g, '\n').replace(controls, shown);

/** One line. */
export const plainLine = (text) => plainText(text).replace(/[\n\t]+/g, ' ');

const generatedId = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The end of an id that Stint gave, by which commands know it too; people's own ids are names, and stay whole. */
export const shortId = (id) => (generatedId.test(id) ? id.slice(-8) : id);

/** The address if it is one that may be a link (http and https), else null. */
export function linkOf(text) {
  if (!/^https?:\/\/\S+$/i.test(text)) return null;
  try {
    const url = new URL(text);
    return url.protocol === 'http:' || url.protocol === 'https:' ? url.href : null;
  } catch {
    return null;
  }
}
