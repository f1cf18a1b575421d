// A machine as something to draw: its states as a tree and its transitions as a list, in words. Pure, and knows nothing of drawing.
// The machine's own nodes are walked rather than `toDirectedGraph`, which leaves out transitions without an event (`always`).
//   C1. Every state of the machine is in the tree, once.
//   C2. Every transition is either in `transitions` or, when it moves nothing, in its state's `handles`.

import type { AnyStateMachine, AnyStateNode } from "xstate";
import { actionWords, eventName, guardWords } from "./words.ts";

type StateKind = "atomic" | "compound" | "parallel" | "final" | "history";

export interface ChartState {
  /** XState's id: "feature.work.coder.working". */
  readonly id: string;
  readonly key: string;
  /** In a person's words when the machine has some. */
  readonly label: string | null;
  readonly kind: StateKind;
  /** Entered when its parent is. */
  readonly isInitial: boolean;
  readonly depth: number;
  readonly entry: readonly string[];
  readonly exit: readonly string[];
  /** What it reacts to without moving. */
  readonly handles: readonly Reaction[];
  readonly children: readonly ChartState[];
}

/** An event with its condition and what it does. */
export interface Reaction {
  /** In words: "task.stopped", "after 2 min". */
  readonly event: string;
  /** XState's name of the event; empty for `always`. */
  readonly type: string;
  readonly guard: string | null;
  readonly effects: readonly string[];
}

export interface ChartTransition extends Reaction {
  readonly id: string;
  readonly source: string;
  readonly target: string;
}

export interface Chart {
  readonly id: string;
  readonly root: ChartState;
  readonly states: ReadonlyMap<string, ChartState>;
  readonly transitions: readonly ChartTransition[];
}

const charts = new WeakMap<AnyStateMachine, Chart>();

/** The chart of a machine; made once per machine. */
export function chartOf(machine: AnyStateMachine): Chart {
  const known = charts.get(machine);
  if (known) return known;
  const transitions: ChartTransition[] = [];
  const root = readState(machine, machine.root, 0, transitions);
  const states = new Map<string, ChartState>();
  const register = (state: ChartState) => {
    states.set(state.id, state);
    for (const child of state.children) register(child);
  };
  register(root);
  const chart = { id: machine.id, root, states, transitions };
  charts.set(machine, chart);
  return chart;
}

function readState(machine: AnyStateMachine, node: AnyStateNode, depth: number, transitions: ChartTransition[]): ChartState {
  const handles: Reaction[] = [];
  for (const found of [...[...node.transitions.values()].flat(), ...(node.always ?? [])]) {
    const reaction: Reaction = {
      event: eventName(found.eventType, machine),
      type: found.eventType,
      guard: guardWords(found.guard),
      effects: found.actions.map(actionWords),
    };
    if (!found.target) {
      handles.push(reaction);
      continue;
    }
    for (const target of found.target) {
      transitions.push({ ...reaction, id: `${transitions.length}`, source: node.id, target: target.id });
    }
  }
  return {
    id: node.id,
    key: node.key,
    label: labelOf(node),
    kind: node.type,
    isInitial: node.parent?.type === "compound" && node.parent.initial.target.includes(node),
    depth,
    entry: node.entry.map(actionWords),
    exit: node.exit.map(actionWords),
    handles,
    children: Object.values(node.states).map((child) => readState(machine, child, depth + 1, transitions)),
  };
}

function labelOf({ meta }: AnyStateNode): string | null {
  const said: unknown = meta;
  if (typeof said !== "object" || said === null || !("label" in said)) return null;
  return typeof said.label === "string" ? said.label : null;
}
