// Where a snapshot is, read from XState's own shapes: what the views have in common.

import type { StateValue } from "xstate";

/** The dotted path of the one leaf of a state value without parallel regions: "coder.working". */
export function leafPath(value: StateValue): string {
  if (typeof value === "string") return value;
  const [name, below] = Object.entries(value)[0] ?? ["", undefined];
  return below === undefined ? name : `${name}.${leafPath(below)}`;
}

/** The `meta` of the active state that has one of a kind. @throws {Error} when none has: a test visits every leaf. */
export function metaOf<All, One extends All>(all: Record<string, All | undefined>, isOne: (meta: All) => meta is One): One {
  for (const meta of Object.values(all)) {
    if (meta !== undefined && isOne(meta)) return meta;
  }
  throw new Error(`No active state of ${Object.keys(all).join(", ") || "this machine"} says what a person sees of it`);
}
