import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { h, keyed, render } from '../../web/js/render/element.js';
import { chainView, linksView, resultView } from '../../web/js/views/job-detail.js';

/** As much of a document as the render layer uses. */
class StubNode {
  constructor(tag, data) {
    Object.assign(this, { tag, data, parent: null, children: [], attributes: {} });
  }

  get firstChild() {
    return this.children[0] ?? null;
  }

  get nextSibling() {
    return this.parent?.children[this.parent.children.indexOf(this) + 1] ?? null;
  }

  remove() {
    if (this.parent) this.parent.children.splice(this.parent.children.indexOf(this), 1);
    this.parent = null;
  }

  insertBefore(node, place) {
    node.remove();
    this.children.splice(place ? this.children.indexOf(place) : this.children.length, 0, node);
    node.parent = this;
  }

  append(node) {
    this.insertBefore(node, null);
  }

  setAttribute(name, value) {
    this.attributes[name] = value;
  }

  removeAttribute(name) {
    delete this.attributes[name];
  }

  get text() {
    return this.data ?? this.children.map(({ text }) => text).join('');
  }
}

let root;
beforeEach(() => {
  globalThis.document = {
    activeElement: null,
    createElement: (tag) => new StubNode(tag),
    createElementNS: (space, tag) => new StubNode(tag),
    createTextNode: (text) => new StubNode('#text', text),
  };
  root = new StubNode('main');
});

const item = (key, text = key) => h('li', { key }, text);
const texts = () => root.children.map(({ text }) => text);

test('children follow their keys and keep their elements', () => {
  render(root, item('a'), item('b'), item('c'));
  const [a, b, c] = root.children;
  render(root, item('c'), item('a'), item('d'), item('b'));
  assert.deepEqual(texts(), ['c', 'a', 'd', 'b']);
  assert.deepEqual([root.children[0], root.children[1], root.children[3]], [c, a, b]);
  render(root, item('d'));
  assert.deepEqual(texts(), ['d']);
});

test('two children of one key do not pile up', () => {
  for (let turn = 0; turn < 5; turn += 1) {
    render(root, item('a', `first ${turn}`), item('b'), item('a', `second ${turn}`));
    assert.deepEqual(texts(), [`first ${turn}`, 'b', `second ${turn}`]);
  }
  render(root, keyed('a', [1], () => item('a', 'drawn')), keyed('a', [1], () => item('a', 'drawn too')));
  assert.deepEqual(texts(), ['drawn', 'drawn too']);
  render(root, item('b'));
  assert.deepEqual(texts(), ['b']);
  render(root, null);
  assert.deepEqual(texts(), []);
});

test('a job that names an address twice has one link for it', () => {
  const urls = ['https://example.org', 'https://example.org/', 'https://example.org/x', 5, 'javascript:alert(1)'];
  for (let turn = 0; turn < 3; turn += 1) render(root, linksView({ params: { url: urls[0], urls } }));
  const [list] = root.children;
  assert.deepEqual(list.children.map(({ text }) => text), ['https://example.org', 'https://example.org/x']);
  const many = Array.from({ length: 30 }, (_, place) => `https://example.org/${place}`);
  assert.equal(linksView({ params: { urls: many } }).children.length, 10);
  assert.equal(linksView({ params: { urls: ['x'] } }), null);
});

test('a result is shown once the completed attempt was read', () => {
  const job = { status: 'completed', attempt: 2 };
  const shown = (whole) => {
    render(root, resultView(job, whole, {}));
    return root.children[0].text;
  };
  assert.equal(shown(null), 'ResultReading…');
  assert.equal(shown({ status: 'running', attempt: 2, result: null }), 'ResultReading…');
  assert.equal(shown({ status: 'completed', attempt: 1, result: 1 }), 'ResultReading…');
  assert.equal(shown({ status: 'completed', attempt: 2, result: null }), 'Resultnull');
  assert.equal(shown({ status: 'completed', attempt: 2, result: 7 }), 'Result7');
});

/** The text and the links of a description. */
function readOf(node) {
  if (node.text !== undefined) return { text: node.text, links: [] };
  const parts = node.children.map(readOf);
  const own = node.tag === 'a' ? [node.props.href] : [];
  return { text: parts.map(({ text }) => text).join(''), links: [...own, ...parts.flatMap(({ links }) => links)] };
}

test('a chain names the job before and the job after, as links and as text', () => {
  assert.equal(chainView({ escalated_from: null, escalated_to: null }, {}), null);
  const { text, links } = readOf(chainView({ escalated_from: 'a b', escalated_to: '<b>' }, {}));
  assert.equal(text, 'Took over from a bFailed, and was taken over by <b>');
  assert.deepEqual(links, ['#/jobs/a%20b', '#/jobs/%3Cb%3E']);
  let opened = null;
  const [, to] = chainView({ escalated_from: 'x', escalated_to: 'y' }, {
    openJob: (id) => { opened = id; }, focusDetail() {},
  }).children;
  to.children.find(({ tag }) => tag === 'a').props.onclick({ preventDefault() {} });
  assert.equal(opened, 'y');
});
