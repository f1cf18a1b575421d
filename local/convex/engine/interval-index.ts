// From index intervals to whoever must hear when a key inside them is written: an augmented tree per index.
//   T1. stab(key) finds exactly the intervals with start <= key < end, in O(log n + hits).
// A treap: priorities are random, so no order of insertions makes it a list. Rotations are done by split and merge.
import { compareKeys, type Key } from "./keys.ts";

/** A half-open interval of one index: `start <= key < end`. */
export type ReadInterval = { readonly indexId: number; readonly start: Key; readonly end: Key };

type Node<Value> = {
  readonly start: Key;
  readonly end: Key;
  readonly value: Value;
  readonly priority: number;
  readonly serial: number; // tells equal starts apart, so that remove finds its own node
  maxEnd: Key;
  left: Node<Value> | null;
  right: Node<Value> | null;
};

/** What `insert` returns and `remove` takes. Opaque. */
export type IntervalHandle<Value> = { readonly indexId: number; readonly node: Node<Value> };

export class IntervalIndex<Value> {
  private readonly roots = new Map<number, Node<Value>>();
  private serial = 0;
  private count = 0;

  get size(): number {
    return this.count;
  }

  /** An empty interval is accepted and never hit. */
  insert({ indexId, start, end }: ReadInterval, value: Value): IntervalHandle<Value> {
    const node: Node<Value> = {
      start,
      end,
      value,
      priority: Math.random(),
      serial: this.serial++,
      maxEnd: end,
      left: null,
      right: null,
    };
    this.roots.set(indexId, insertNode(this.roots.get(indexId) ?? null, node));
    this.count++;
    return { indexId, node };
  }

  /** Safe to repeat: a handle removed already is left alone. */
  remove({ indexId, node }: IntervalHandle<Value>): void {
    const root = this.roots.get(indexId) ?? null;
    if (!contains(root, node)) return;
    const rest = removeNode(root, node);
    if (rest) this.roots.set(indexId, rest);
    else this.roots.delete(indexId);
    this.count--;
  }

  /** Calls `hit` once for each interval that contains the key; a value inserted twice may come twice. */
  stab(indexId: number, key: Key, hit: (value: Value) => void): void {
    stabNode(this.roots.get(indexId) ?? null, key, hit);
  }
}

function stabNode<Value>(node: Node<Value> | null, key: Key, hit: (value: Value) => void): void {
  if (!node || compareKeys(node.maxEnd, key) <= 0) return; // nothing below ends after the key
  stabNode(node.left, key, hit);
  if (compareKeys(node.start, key) > 0) return; // everything to the right starts later still
  if (compareKeys(key, node.end) < 0) hit(node.value);
  stabNode(node.right, key, hit);
}

function isBefore<Value>(a: Node<Value>, b: Node<Value>): boolean {
  const order = compareKeys(a.start, b.start);
  return order < 0 || (order === 0 && a.serial < b.serial);
}

function updateMaxEnd<Value>(node: Node<Value>): Node<Value> {
  let max = node.end;
  if (node.left && compareKeys(node.left.maxEnd, max) > 0) max = node.left.maxEnd;
  if (node.right && compareKeys(node.right.maxEnd, max) > 0) max = node.right.maxEnd;
  node.maxEnd = max;
  return node;
}

function insertNode<Value>(root: Node<Value> | null, node: Node<Value>): Node<Value> {
  if (!root) return node;
  if (node.priority > root.priority) {
    [node.left, node.right] = split(root, node);
    return updateMaxEnd(node);
  }
  if (isBefore(node, root)) root.left = insertNode(root.left, node);
  else root.right = insertNode(root.right, node);
  return updateMaxEnd(root);
}

/** Everything before the pivot, and everything after it. */
function split<Value>(root: Node<Value> | null, pivot: Node<Value>): [Node<Value> | null, Node<Value> | null] {
  if (!root) return [null, null];
  if (isBefore(root, pivot)) {
    const [before, after] = split(root.right, pivot);
    root.right = before;
    return [updateMaxEnd(root), after];
  }
  const [before, after] = split(root.left, pivot);
  root.left = after;
  return [before, updateMaxEnd(root)];
}

function contains<Value>(root: Node<Value> | null, node: Node<Value>): boolean {
  let at = root;
  while (at && at !== node) at = isBefore(node, at) ? at.left : at.right;
  return at === node && node !== null;
}

function removeNode<Value>(root: Node<Value> | null, node: Node<Value>): Node<Value> | null {
  if (!root) return null;
  if (root === node) return merge(root.left, root.right);
  if (isBefore(node, root)) root.left = removeNode(root.left, node);
  else root.right = removeNode(root.right, node);
  return updateMaxEnd(root);
}

function merge<Value>(left: Node<Value> | null, right: Node<Value> | null): Node<Value> | null {
  if (!left || !right) return left ?? right;
  if (left.priority > right.priority) {
    left.right = merge(left.right, right);
    return updateMaxEnd(left);
  }
  right.left = merge(left, right.left);
  return updateMaxEnd(right);
}
