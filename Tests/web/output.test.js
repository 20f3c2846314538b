import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createEventParser } from '../../web/js/live/event-reader.js';
import { createOutputStream } from '../../web/js/live/output-stream.js';
import { Refusal } from '../../web/js/live/api.js';
import { KEEP_LINES, LONGEST_LINE } from '../../web/js/state/output.js';
import { lineText } from '../../web/js/text/output.js';
import { begin, play } from './support.js';

const chunk = (number, text, { job = 'a', attempt = 1, stream = 'stdout' } = {}) =>
  ({ kind: 'chunk', job, attempt, number, stream, text });
const shown = (id = 'a') => play(begin(), { type: 'selected', id });
const receive = (state, ...items) => play(state, { type: 'output_received', id: state.output.id, items });
const entries = ({ output }) => output.blocks.flatMap((block) => block.entries);
const lines = (state) => entries(state).filter(({ kind }) => kind === 'line').map(({ stream, text }) => [stream, text]);

test('lines are put together from pieces, each stream for itself', () => {
  const state = receive(shown(), chunk(1, 'one\ntwo'), chunk(2, ' and more\n'), chunk(3, 'bad\n', { stream: 'stderr' }),
    chunk(4, '\nlast'), chunk(5, 'err', { stream: 'stderr' }));
  assert.deepEqual(lines(state), [['stdout', 'one'], ['stdout', 'two and more'], ['stderr', 'bad'], ['stdout', ''],
    ['stdout', 'last'], ['stderr', 'err']]);
  assert.equal(state.output.lines, 6);
});

test('what a stream says again after it was taken up is not shown twice', () => {
  const first = receive(shown(), { kind: 'open' }, { kind: 'attempt', attempt: 1, job: 'a' }, chunk(1, 'one\n'),
    chunk(2, 'two\n'), { kind: 'attempt', attempt: 1, job: 'b' }, chunk(1, 'of b\n', { job: 'b' }));
  const again = receive(first, { kind: 'open' }, chunk(2, 'two\n'), chunk(3, 'three\n'),
    chunk(1, 'of b\n', { job: 'b' }), chunk(2, 'more of b\n', { job: 'b' }), { kind: 'end' });
  assert.deepEqual(lines(again).map(([, text]) => text), ['one', 'two', 'of b', 'three', 'more of b']);
  assert.deepEqual(entries(again).filter(({ kind }) => kind === 'heading').map(({ job, attempt }) => [job, attempt]),
    [['a', 1], ['b', 1]]);
  assert.equal(again.output.ended, true);
  assert.deepEqual(lines(first).length, 3, 'the state before is as it was');
});

test('attempts are headings, a gap is said', () => {
  const state = receive(shown(), { kind: 'attempt', attempt: 1, job: 'a' }, chunk(4, 'x\n'), { kind: 'gap' },
    chunk(1, 'y\n', { attempt: 2 }));
  assert.deepEqual(entries(state).map(({ kind, attempt }) => [kind, attempt]),
    [['heading', 1], ['line', undefined], ['gap', undefined], ['heading', 2], ['line', undefined]]);
});

test('output of another job is left alone, and a new choice begins anew', () => {
  const state = receive(shown(), chunk(1, 'one\n'));
  assert.equal(play(state, { type: 'output_received', id: 'b', items: [chunk(1, 'x')] }), state);
  assert.deepEqual(play(state, { type: 'selected', id: 'b' }).output.blocks, []);
});

test('some thousand lines are kept, and the number of those before them', () => {
  let state = shown();
  for (let number = 1; number <= 60; number += 1) {
    state = receive(state, chunk(number, Array.from({ length: 100 }, (_, line) => `${number}-${line}\n`).join('')));
  }
  const { output } = state;
  assert.ok(output.lines <= KEEP_LINES && output.lines > KEEP_LINES - 200);
  assert.equal(output.lines + output.dropped, 6000);
  assert.equal(output.lines, lines(state).length);
  assert.equal(lines(state).at(-1)[1], '60-99');
});

test('a line without an end is cut, and so are many characters', () => {
  let state = shown();
  for (let number = 1; number <= 30; number += 1) state = receive(state, chunk(number, 'x'.repeat(1000)));
  assert.equal(lines(state).length, 1);
  assert.equal(lines(state)[0][1].length, LONGEST_LINE);
  assert.equal(entries(state).at(-1).cut, true);
  assert.equal(state.output.characters, LONGEST_LINE);
  for (let number = 31; number <= 900; number += 1) state = receive(state, chunk(number, `${'y'.repeat(5000)}\n`));
  assert.ok(state.output.characters <= 1_600_000, String(state.output.characters));
});

test('a new piece copies one block of lines and shares the rest', () => {
  const before = receive(shown(), chunk(1, 'line\n'.repeat(450)));
  const after = receive(before, chunk(2, 'line\n'));
  assert.equal(after.output.blocks.length, before.output.blocks.length);
  after.output.blocks.forEach((block, place) => assert.equal(block === before.output.blocks[place], place < 4));
});

test('what only terminals understand is left out, a bar that is drawn over and over is one line', () => {
  const escape = '\u001b';
  assert.equal(lineText(`${escape}[31mred${escape}[0m ${escape}]0;title\u0007plain${escape}(B`), 'red plain');
  assert.equal(lineText(`${escape}]8;;http://x${escape}\\link${escape}]8;;${escape}\\`), 'link');
  const state = receive(shown(), chunk(1, '10 %\r'), chunk(2, '20 %\r30 %'), chunk(3, '\r\n'), chunk(4, 'done\r\n'));
  assert.deepEqual(lines(state).map(([, text]) => lineText(text)), ['30 %', 'done']);
});

test('events are read from text that comes in any pieces', () => {
  const text = ': hello\r\nid: 1-2\nevent: output\ndata: {"a":\ndata: 1}\n\ndata:x\n\nevent: none\n\n';
  for (const size of [1, 3, 7, 1000]) {
    const seen = [];
    const parser = createEventParser((event) => seen.push(event));
    for (let place = 0; place < text.length; place += size) parser.push(text.slice(place, place + size));
    assert.deepEqual(seen,
      [{ event: 'output', data: '{"a":\n1}', id: '1-2' }, { event: 'message', data: 'x', id: '1-2' }]);
  }
});

/** A server of streams: `answers` in order, each text, a Refusal, or a function of the signal. */
function serving(...answers) {
  const asked = [];
  const items = [];
  let wake;
  const stream = createOutputStream({
    pauses: [1, 1],
    onItems: (id, list) => items.push(...list),
    open: async (id, { after, signal }) => {
      asked.push([id, after]);
      wake?.();
      const answer = answers.shift() ?? null;
      if (answer instanceof Error) throw answer;
      return new ReadableStream({
        start(controller) {
          signal.addEventListener('abort', () => controller.error(new Error('aborted')));
          if (answer === null) return;
          controller.enqueue(new TextEncoder().encode(answer));
          controller.close();
        },
      });
    },
  });
  const until = async (count) => {
    while (asked.length < count) await new Promise((resolve) => { wake = resolve; });
  };
  return { stream, asked, items, until };
}

const output = (id, text) =>
  `id: ${id}\nevent: output\ndata: ${JSON.stringify({ stream: 'stdout', text, attempt: 1 })}\n\n`;
const ending = 'event: end\ndata: [DONE]\n\n';

test('a stream that breaks off is taken up after what was read; one that ended is not', async () => {
  const server = serving(output('1-1', 'one') + output('1-2', 'two'), new Refusal('busy', { code: 503 }),
    output('1-3', 'three') + ending);
  server.stream.follow('a', 1);
  await server.until(3);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(server.asked, [['a', null], ['a', '1-2'], ['a', '1-2']]);
  assert.deepEqual(server.items.filter(({ kind }) => kind === 'chunk').map(({ number, text }) => [number, text]),
    [[1, 'one'], [2, 'two'], [3, 'three']]);
  assert.deepEqual(server.items.filter(({ kind }) => kind === 'fault'), [{ kind: 'fault', message: 'busy' }]);
  server.stream.follow('a', 1);
  assert.equal(server.asked.length, 3);
  server.stream.follow('a', 2);
  await server.until(4);
  assert.deepEqual(server.asked[3], ['a', '1-3'], 'a later attempt has more to say');
  server.stream.follow(null);
});

test('output of a job that took over is taken up there, or from the start where that one is gone', async () => {
  const server = serving(output('2-7:next-9', 'x'), new Refusal('not of this chain', { code: 422 }),
    output('1-1', 'y') + ending);
  server.stream.follow('a', 1);
  await server.until(3);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(server.asked, [['a', null], ['a', '2-7:next-9'], ['a', null]]);
  assert.deepEqual(server.items.filter(({ kind }) => kind === 'chunk').map(({ job, number }) => [job, number]),
    [['next-9', 7], ['a', 1]]);
  assert.deepEqual(server.items.filter(({ kind }) => kind === 'fault'), []);
});

test('nothing is read while nobody looks; what is refused for good is not asked for again', async () => {
  const server = serving(null, output('1-9', 'x') + ending, new Refusal('Job not found', { code: 404 }));
  server.stream.follow('a', 1);
  await server.until(1);
  server.stream.hold(true);
  server.stream.hold(false);
  await server.until(2);
  await new Promise((resolve) => setTimeout(resolve, 10));
  server.stream.follow('b', 1);
  await server.until(3);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(server.asked, [['a', null], ['a', null], ['b', null]]);
  assert.deepEqual(server.items.at(-1), { kind: 'fault', message: 'Job not found' });
});
