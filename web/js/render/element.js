// The render layer: `h` describes elements, `render` makes a container's children like the description and touches
// only what differs. Text becomes text nodes and attributes, never markup.
//
//   h('button', { class: 'quiet', onclick: close, 'aria-label': 'Close' }, icon('close'))
//   keyed('row-1', [job, now], () => jobRow(job, now))    drawn again only if something in the array differs
//
// Props: `on…` handlers, `key`, `ref` (called once with the new element), `style` (an object of CSS properties), some
// DOM properties (value, checked, …), and attributes. null, undefined and false leave an attribute out.

const svgNamespace = 'http://www.w3.org/2000/svg';
const properties = new Set(['value', 'checked', 'disabled', 'hidden', 'selected', 'indeterminate', 'open']);

export function h(tag, props, ...children) {
  return { tag, props: props ?? {}, key: props?.key, children: flat(children, []), element: null };
}

/** A description that is kept while `inputs` stay the same. */
export function keyed(key, inputs, draw) {
  return { key, inputs, draw, tag: null, element: null };
}

function flat(children, into) {
  for (const child of children) {
    if (Array.isArray(child)) flat(child, into);
    else if (child === null || child === undefined || child === false || child === true) continue;
    else into.push(typeof child === 'object' ? child : { text: String(child), element: null });
  }
  return into;
}

const drawn = (node) => (node.draw ? (node.drawing ??= node.draw()) : node);
const kindOf = (node) => (node.text !== undefined ? '#text' : drawn(node).tag);

function setProp(element, name, value, before) {
  if (name === 'key' || name === 'ref') return;
  if (name.startsWith('on')) {
    element[name] = value ?? null;
  } else if (name === 'style') {
    for (const property of Object.keys(before ?? {})) {
      if (!value || !(property in value)) element.style.removeProperty(property);
    }
    for (const [property, text] of Object.entries(value ?? {})) {
      if (before?.[property] !== text) element.style.setProperty(property, text);
    }
  } else if (properties.has(name) && name in element) {
    const wanted = value ?? (name === 'value' ? '' : false);
    if (element[name] !== wanted) element[name] = wanted;
  } else if (value === null || value === undefined || value === false) {
    element.removeAttribute(name);
  } else {
    element.setAttribute(name, value === true ? '' : String(value));
  }
}

function create(node, inSVG) {
  if (node.text !== undefined) {
    node.element = document.createTextNode(node.text);
    return node.element;
  }
  const { tag, props, children } = drawn(node);
  const isSVG = inSVG || tag === 'svg';
  const element = isSVG ? document.createElementNS(svgNamespace, tag) : document.createElement(tag);
  for (const child of children) element.append(create(child, isSVG));
  for (const name of Object.keys(props)) setProp(element, name, props[name], undefined);
  node.element = element;
  if (node.drawing) node.drawing.element = element;
  props.ref?.(element);
  return element;
}

const sameInputs = (a, b) => a.length === b.length && a.every((input, place) => Object.is(input, b[place]));

/** Whether what is kept need not be drawn again. */
const isSame = (before, after) => after.draw && before.draw && sameInputs(before.inputs, after.inputs);

function update(before, after, inSVG) {
  const { element } = before;
  after.element = element;
  if (after.text !== undefined) {
    if (after.text !== before.text) element.data = after.text;
    return;
  }
  if (after.draw && after.drawing === before.drawing) return;
  const old = drawn(before);
  const next = drawn(after);
  next.element = element;
  if (old.props !== next.props) {
    for (const name of Object.keys(old.props)) {
      if (!(name in next.props)) setProp(element, name, undefined, old.props[name]);
    }
  }
  const isSVG = inSVG || next.tag === 'svg';
  patch(element, old.children, next.children, isSVG);
  for (const name of Object.keys(next.props)) {
    const value = next.props[name];
    if (value !== old.props[name] || properties.has(name)) setProp(element, name, value, old.props[name]);
  }
}

/** Makes the children of `parent`, described by `before`, like `after`. */
function patch(parent, before, after, inSVG) {
  const byKey = new Map();
  const unkeyed = [];
  // A key is meant for one child. Of those that share it the first is kept, the others are made anew each time.
  const twins = [];
  for (const node of before) {
    if (node.key === undefined) unkeyed.push(node);
    else if (byKey.has(node.key)) twins.push(node);
    else byKey.set(node.key, node);
  }
  let nextUnkeyed = 0;
  const matches = after.map((node) => {
    let match = null;
    if (node.key !== undefined) {
      match = byKey.get(node.key) ?? null;
      if (match) byKey.delete(node.key);
    } else {
      // The next one of its kind; those before it are gone.
      const kind = kindOf(node);
      const place = unkeyed.findIndex((other, index) => index >= nextUnkeyed && kindOf(other) === kind);
      if (place >= 0) {
        match = unkeyed[place];
        unkeyed.slice(nextUnkeyed, place).forEach((other) => other.element.remove());
        nextUnkeyed = place + 1;
      }
    }
    if (match && isSame(match, node)) node.drawing = match.drawing;
    if (match && kindOf(match) !== kindOf(node)) {
      match.element.remove();
      match = null;
    }
    return match;
  });
  for (const node of byKey.values()) node.element.remove();
  for (const node of twins) node.element.remove();
  for (const node of unkeyed.slice(nextUnkeyed)) node.element.remove();

  let place = parent.firstChild;
  after.forEach((node, index) => {
    const match = matches[index];
    if (match) update(match, node, inSVG);
    const element = match ? match.element : create(node, inSVG);
    if (element === place) {
      place = place.nextSibling;
      return;
    }
    // One that left its place for further down: set it aside rather than moving all that follow.
    if (place && place.nextSibling === element && match) {
      parent.append(place);
      place = element.nextSibling;
      return;
    }
    parent.insertBefore(element, place);
  });
}

const drawings = new WeakMap();

/** Makes the children of `container` what `children` describe. */
export function render(container, ...children) {
  const after = flat(children, []);
  const focused = document.activeElement;
  patch(container, drawings.get(container) ?? [], after, container.namespaceURI === svgNamespace);
  drawings.set(container, after);
  // Moving an element in the document takes its focus.
  if (focused && focused !== document.activeElement && focused.isConnected && container.contains(focused)) {
    focused.focus({ preventScroll: true });
  }
}
