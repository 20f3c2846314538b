import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createProgressStream } from '../../web/js/live/progress-stream.js';

const opened = [];

class StubEventSource {
  static CLOSED = 2;

  constructor(path) {
    Object.assign(this, { path, readyState: 0 });
    opened.push(this);
  }

  addEventListener() {}

  close() {
    this.readyState = 2;
  }

  /** The answer was no stream: the browser gives up. */
  refuse() {
    this.readyState = 2;
    this.onerror();
  }
}

globalThis.EventSource = StubEventSource;
const after = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const begin = () => {
  opened.length = 0;
  return createProgressStream({ api: { progressPath: (id) => id }, onEvent() {}, onEnd() {}, pause: 20 });
};

test('a refused stream is asked for again after a pause only', async () => {
  const stream = begin();
  stream.follow('a', 1);
  stream.follow('a', 1);
  assert.equal(opened.length, 1);
  opened[0].refuse();
  for (let turn = 0; turn < 10; turn += 1) stream.follow('a', 1);
  assert.equal(opened.length, 1, 'changes of the list do not ask again');
  await after(40);
  assert.equal(opened.length, 2);
  stream.follow('a', 1);
  stream.follow('a', 2);
  assert.equal(opened.length, 2, 'it is open');
});

test('a next attempt, another status and another job are asked for at once', async () => {
  const stream = begin();
  stream.follow('a', 1);
  opened[0].refuse();
  stream.follow('a', 2);
  assert.equal(opened.length, 2);
  opened[1].refuse();
  stream.follow(null);
  await after(40);
  assert.equal(opened.length, 2, 'no longer wanted');
  stream.follow('a', 2);
  assert.equal(opened.length, 3);
  opened[2].refuse();
  stream.follow('b', 2);
  await after(40);
  assert.deepEqual(opened.slice(2).map(({ path }) => path), ['a', 'b']);
  stream.follow(null);
  assert.equal(opened[3].readyState, 2);
});

test('a stream that the browser takes up again by itself is left alone', () => {
  const stream = begin();
  stream.follow('a', 1);
  opened[0].onerror();
  stream.follow('a', 1);
  assert.equal(opened.length, 1);
});
