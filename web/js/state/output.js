// The output of the chosen job, as it comes: lines in blocks that never change once they are full, so that a new line
// costs no more among thousands than among ten.

import { lastWritten } from '../text/output.js';

/** As many lines are kept, and as many characters; what came before them is in `stint logs`. */
export const KEEP_LINES = 2_000;
export const KEEP_CHARACTERS = 1_000_000;
const blockSize = 100;
/** A line that is longer is cut. */
export const LONGEST_LINE = 8_000;
const keepPlaces = 200;

/**
 * `blocks` of {key, entries, lines, characters}; an entry is a `line`, a `heading` of an attempt, or a `gap`.
 * `job` and `attempt`: of what came last. `places`: the last number that was seen of each attempt.
 */
export const noOutput = (id = null) => ({
  id, blocks: [], lines: 0, characters: 0, dropped: 0, job: id, attempt: 0, places: {}, ended: false, fault: null,
  nextKey: 0,
});

const sizeOf = (entry) => (entry.kind === 'line' ? entry.text.length : 0);

/** The last line that another piece of the same stream goes on with. */
function openLine(block, stream) {
  const last = block?.entries.at(-1);
  return last?.kind === 'line' && last.open && last.stream === stream ? last : null;
}

/** An edit under way; the last block is copied once. */
class Edit {
  constructor(output) {
    Object.assign(this, output);
    this.blocks = [...output.blocks];
    this.places = { ...output.places };
    this.isOwn = false;
  }

  /** The block to write into. */
  block() {
    const last = this.blocks.at(-1);
    if (last && last.entries.length < blockSize) {
      if (this.isOwn) return last;
      const copy = { ...last, entries: [...last.entries] };
      this.blocks[this.blocks.length - 1] = copy;
      this.isOwn = true;
      return copy;
    }
    const block = { key: `lines-${this.nextKey}`, entries: [], lines: 0, characters: 0 };
    this.nextKey += 1;
    this.blocks.push(block);
    this.isOwn = true;
    return block;
  }

  put(entry) {
    const block = this.block();
    block.entries.push(entry);
    const isLine = entry.kind === 'line' ? 1 : 0;
    block.lines += isLine;
    block.characters += sizeOf(entry);
    this.lines += isLine;
    this.characters += sizeOf(entry);
  }

  /** Takes the last entry back, to write it anew. */
  takeBack() {
    const last = this.blocks.at(-1);
    const block = this.isOwn ? last : { ...last, entries: [...last.entries] };
    this.blocks[this.blocks.length - 1] = block;
    this.isOwn = true;
    const entry = block.entries.pop();
    block.lines -= 1;
    block.characters -= sizeOf(entry);
    this.lines -= 1;
    this.characters -= sizeOf(entry);
  }

  line(stream, text, open, wasCut = false) {
    const cut = wasCut || text.length > LONGEST_LINE;
    this.put({ kind: 'line', stream, text: text.slice(0, LONGEST_LINE), open, cut });
  }

  chunk({ job, attempt, number, stream, text }) {
    const place = `${job} ${attempt}`;
    if (number <= (this.places[place] ?? 0)) return;
    if (attempt !== this.attempt || job !== this.job) this.heading(job, attempt);
    this.places[place] = number;
    const parts = text.split('\n');
    const begun = openLine(this.blocks.at(-1), stream);
    if (begun) {
      // Of a line that was cut the rest is not kept.
      this.takeBack();
      this.line(stream, begun.cut ? begun.text : lastWritten(begun.text + parts[0]), parts.length === 1, begun.cut);
    } else if (parts.length > 1 || parts[0] !== '') {
      this.line(stream, lastWritten(parts[0]), parts.length === 1);
    }
    parts.slice(1).forEach((part, index) => {
      const isLast = index === parts.length - 2;
      if (!isLast || part !== '') this.line(stream, lastWritten(part), isLast);
    });
  }

  heading(job, attempt) {
    this.job = job;
    this.attempt = attempt;
    // Where the stream was taken up again, the heading is there already.
    const place = `${job} ${attempt}`;
    if (place in this.places) return;
    this.places[place] = 0;
    this.put({ kind: 'heading', job, attempt });
  }

  done() {
    while (this.blocks.length > 1 && (this.lines > KEEP_LINES || this.characters > KEEP_CHARACTERS)) {
      const [gone] = this.blocks.splice(0, 1);
      this.lines -= gone.lines;
      this.characters -= gone.characters;
      this.dropped += gone.lines;
    }
    const names = Object.keys(this.places);
    for (const name of names.slice(0, Math.max(0, names.length - keepPlaces))) delete this.places[name];
    const { isOwn, ...output } = this;
    return output;
  }
}

const acts = {
  /** The stream begins, or goes on. */
  open(edit) {
    edit.fault = null;
    edit.ended = false;
  },
  attempt: (edit, { job, attempt }) => edit.heading(job, attempt),
  chunk: (edit, item) => edit.chunk(item),
  gap: (edit) => edit.put({ kind: 'gap' }),
  end(edit) {
    edit.ended = true;
  },
  fault(edit, { message }) {
    edit.fault = message;
  },
};

export const outputHandlers = {
  output_received(state, { id, items }) {
    if (state.output.id !== id || items.length === 0) return state;
    const edit = new Edit(state.output);
    for (const item of items) acts[item.kind]?.(edit, item);
    return { ...state, output: edit.done() };
  },
};
