// The output of the chosen job: text as it comes, never markup. It follows the end until the reader scrolls up.

import { h, keyed } from '../render/element.js';
import { countText, plural } from '../text/number.js';
import { plainText, shortId } from '../text/plain.js';
import { lineText } from '../text/output.js';

/** What stands before a line that is not of the standard output. */
const marks = { stderr: 'err', event: 'event', notice: 'Stint' };
const nearEnd = 8;

const hasContent = ({ blocks }) => blocks.some((block) => block.entries.some((entry) => entry.kind !== 'heading'));

function entryView(entry, output, actions) {
  if (entry.kind === 'gap') return h('div', { class: 'line', 'data-stream': 'notice' }, 'Some output is missing here.');
  if (entry.kind === 'heading') {
    const isOther = entry.job !== output.id;
    return h('h4', { class: 'output-attempt' }, `Attempt ${entry.attempt}`,
      isOther && [' of ', h('a', {
        href: `#/jobs/${encodeURIComponent(entry.job)}`,
        onclick: (event) => {
          event.preventDefault();
          actions.openJob(entry.job);
        },
      }, plainText(shortId(entry.job)))]);
  }
  const mark = marks[entry.stream];
  return h('div', { class: 'line', 'data-stream': entry.stream },
    mark && h('span', { class: 'line-mark' }, `${mark} `),
    h('span', { class: 'line-text' }, plainText(lineText(entry.text)), entry.cut ? ' … (cut)' : null));
}

function stateText(output) {
  if (output.ended) return plural(output.lines + output.dropped, 'line');
  return `${plural(output.lines + output.dropped, 'line')}, live`;
}

/** The view, and `drawn`, to be called once it is in the document. */
export function createOutputView({ actions, requestRender }) {
  let follows = true;
  let shownID = null;

  const element = () => document.getElementById('output');

  function onscroll({ target }) {
    const isAtEnd = target.scrollTop + target.clientHeight >= target.scrollHeight - nearEnd;
    if (isAtEnd === follows) return;
    follows = isAtEnd;
    requestRender();
  }

  function toEnd() {
    follows = true;
    requestRender();
    element()?.focus({ preventScroll: true });
  }

  function view({ output }) {
    if (!hasContent(output) && !output.fault) return null;
    return h('section', { class: 'block', 'data-block': 'output', 'aria-labelledby': 'output-title' },
      h('div', { class: 'block-head' }, h('h3', { id: 'output-title' }, 'Output'),
        h('span', { class: 'hint', id: 'output-state' }, stateText(output))),
      output.fault && h('p', { class: 'hint', role: 'status' },
        `The output could not be read: ${plainText(output.fault)}`),
      output.dropped > 0 && h('p', { class: 'hint', id: 'output-dropped' },
        `${countText(output.dropped)} earlier lines are not shown here: `,
        h('code', null, `stint logs ${plainText(shortId(output.id))}`)),
      hasContent(output) && h('div', { id: 'output', class: 'output', tabindex: 0, role: 'region',
        'aria-label': 'Output of the job', dir: 'ltr', 'data-follows': String(follows), onscroll },
      output.blocks.map((block) => keyed(block.key, [block], () => h('div', { class: 'output-lines' },
        block.entries.map((entry) => entryView(entry, output, actions)))))),
      !follows && h('button', { id: 'output-follow', class: 'quiet', onclick: toEnd },
        output.ended ? 'To the end' : 'Follow the output'));
  }

  return {
    view(state) {
      const { output } = state;
      if (output.id !== shownID) {
        shownID = output.id;
        follows = true;
      }
      return keyed(`output-${output.id}`, [output, follows], () => h('div', { class: 'detail-part' }, view(state)));
    },
    drawn() {
      const box = element();
      if (box && follows && box.scrollTop + box.clientHeight < box.scrollHeight - 1) box.scrollTop = box.scrollHeight;
    },
  };
}
