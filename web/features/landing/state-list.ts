// The states of the feature machine as its own definition has them, by the board's columns: a chart anybody can read.

import { featureMachine } from "@omakase/machines/feature/feature-machine";
import { COLUMNS, type Column, type StateMeta } from "@omakase/machines/view";
import type { AnyStateNode } from "xstate";

export interface ListedState {
  /** Dotted path inside the work region: "coder.working". */
  readonly path: string;
  readonly label: string;
}

const isStateMeta = (meta: unknown): meta is StateMeta => typeof meta === "object" && meta !== null && "column" in meta;

function leaves(node: AnyStateNode): readonly AnyStateNode[] {
  const below = Object.values(node.states);
  return below.length === 0 ? [node] : below.flatMap(leaves);
}

/** Every leaf of the work region, in the order of the definition. */
export function statesByColumn(): readonly { readonly column: Column; readonly states: readonly ListedState[] }[] {
  const work = featureMachine.root.states.work;
  const listed = (work ? leaves(work) : []).flatMap((node) => {
    const meta: unknown = node.meta;
    return isStateMeta(meta) ? [{ column: meta.column, path: node.path.slice(1).join("."), label: meta.label }] : [];
  });
  return COLUMNS.map((column) => ({ column, states: listed.filter((state) => state.column === column) }));
}
