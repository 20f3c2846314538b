// An ordered collection that never changes: every edit gives a new tree and shares all but the path to the edit.
// Weight-balanced (Adams): insert, remove, find, rank and nth cost O(log n), building from a sorted array O(n).

const empty = null;
const size = (node) => (node === empty ? 0 : node.size);
const node = (left, item, right) => ({ left, item, right, size: size(left) + size(right) + 1 });

function rotateLeft(left, item, right) {
  if (size(right.left) < 2 * size(right.right)) return node(node(left, item, right.left), right.item, right.right);
  const middle = right.left;
  return node(node(left, item, middle.left), middle.item, node(middle.right, right.item, right.right));
}

function rotateRight(left, item, right) {
  if (size(left.right) < 2 * size(left.left)) return node(left.left, left.item, node(left.right, item, right));
  const middle = left.right;
  return node(node(left.left, left.item, middle.left), middle.item, node(middle.right, item, right));
}

function balanced(left, item, right) {
  if (size(left) + size(right) < 2) return node(left, item, right);
  if (size(right) > 3 * size(left)) return rotateLeft(left, item, right);
  if (size(left) > 3 * size(right)) return rotateRight(left, item, right);
  return node(left, item, right);
}

function withoutFirst(tree) {
  return tree.left === empty ? tree.right : balanced(withoutFirst(tree.left), tree.item, tree.right);
}

function withoutLast(tree) {
  return tree.right === empty ? tree.left : balanced(tree.left, tree.item, withoutLast(tree.right));
}

const edge = (tree, side) => {
  let current = tree;
  while (current[side] !== empty) current = current[side];
  return current.item;
};

function joined(left, right) {
  if (left === empty) return right;
  if (right === empty) return left;
  return left.size > right.size
    ? balanced(withoutLast(left), edge(left, 'right'), right)
    : balanced(left, edge(right, 'left'), withoutFirst(right));
}

function inserted(tree, item, compare) {
  if (tree === empty) return node(empty, item, empty);
  const side = compare(item, tree.item);
  if (side === 0) return item === tree.item ? tree : node(tree.left, item, tree.right);
  if (side < 0) return balanced(inserted(tree.left, item, compare), tree.item, tree.right);
  return balanced(tree.left, tree.item, inserted(tree.right, item, compare));
}

function removed(tree, item, compare) {
  if (tree === empty) return empty;
  const side = compare(item, tree.item);
  if (side === 0) return joined(tree.left, tree.right);
  if (side < 0) {
    const left = removed(tree.left, item, compare);
    return left === tree.left ? tree : balanced(left, tree.item, tree.right);
  }
  const right = removed(tree.right, item, compare);
  return right === tree.right ? tree : balanced(tree.left, tree.item, right);
}

function built(items, from, to) {
  if (from >= to) return empty;
  const middle = (from + to) >> 1;
  return node(built(items, from, middle), items[middle], built(items, middle + 1, to));
}

/** An ordered collection; `compare(a, b)` says the order, and 0 means the same place. */
export class Tree {
  constructor(compare, root = empty) {
    this.compare = compare;
    this.root = root;
  }

  /** A tree of items that are already in order, without two for one place. */
  static from(sorted, compare) {
    return new Tree(compare, built(sorted, 0, sorted.length));
  }

  get size() {
    return size(this.root);
  }

  /** The tree with `item` at its place; what was there is replaced. */
  add(item) {
    const root = inserted(this.root, item, this.compare);
    return root === this.root ? this : new Tree(this.compare, root);
  }

  /** The tree without what is at the place of `item`. */
  remove(item) {
    const root = removed(this.root, item, this.compare);
    return root === this.root ? this : new Tree(this.compare, root);
  }

  /** What is at the place of `item`, or undefined. */
  get(item) {
    let current = this.root;
    while (current !== empty) {
      const side = this.compare(item, current.item);
      if (side === 0) return current.item;
      current = side < 0 ? current.left : current.right;
    }
    return undefined;
  }

  /** The item at a position, or undefined. */
  at(index) {
    let current = this.root;
    let rest = index;
    while (current !== empty) {
      const before = size(current.left);
      if (rest === before) return current.item;
      if (rest < before) {
        current = current.left;
      } else {
        rest -= before + 1;
        current = current.right;
      }
    }
    return undefined;
  }

  /** The position of `item`, or -1. */
  indexOf(item) {
    let current = this.root;
    let before = 0;
    while (current !== empty) {
      const side = this.compare(item, current.item);
      if (side === 0) return before + size(current.left);
      if (side > 0) before += size(current.left) + 1;
      current = side < 0 ? current.left : current.right;
    }
    return -1;
  }

  /** The last item, or undefined. */
  last() {
    return this.root === empty ? undefined : edge(this.root, 'right');
  }

  /** The items of positions `from` up to, not including, `to`. */
  slice(from = 0, to = this.size) {
    const items = [];
    const walk = (tree, start) => {
      if (tree === empty || start >= to || start + tree.size <= from) return;
      const place = start + size(tree.left);
      walk(tree.left, start);
      if (place >= from && place < to) items.push(tree.item);
      walk(tree.right, place + 1);
    };
    walk(this.root, 0);
    return items;
  }

  /** Calls `visit` for every item in order. */
  each(visit) {
    const walk = (tree) => {
      if (tree === empty) return;
      walk(tree.left);
      visit(tree.item);
      walk(tree.right);
    };
    walk(this.root);
  }
}
