// Refuses a machine that could act by itself (P3). The orchestrator runs it at start, the tests run it on every machine.
// What it cannot see, what a named plan returns, `step()` refuses when it happens.

import type { AnyStateMachine } from "xstate";

const ASKS: readonly string[] = ["effect", "send", "spawn"];
/** Resolved inside `transition()`; they leave nothing for a host to run. */
const PURE_BUILT_INS: readonly string[] = ["xstate.assign", "xstate.enqueueActions"];

/** Everything about a machine that is not pure, one sentence each; empty when it may run. */
export function impurities(machine: AnyStateMachine): string[] {
  const found: string[] = [];
  const { actions, actors, delays } = machine.implementations;
  for (const [name, action] of Object.entries(actions)) {
    if (!ASKS.includes(name) && !isPureBuiltIn(action))
      found.push(`action "${name}" is not a plan: write it with act() or when()`);
  }
  for (const name of Object.keys(actors)) found.push(`actor "${name}": a machine spawns by asking, never by itself`);
  for (const name of ASKS) {
    if (!Object.hasOwn(actions, name)) found.push(`it cannot ask: give it asks(), "${name}" is missing`);
  }
  if (machine.version === undefined) found.push("it has no version: a stored actor could not be told from one of another build");
  visit(machine.root, {
    found,
    actions: Object.keys(actions),
    guards: Object.keys(machine.implementations.guards),
    delays: Object.keys(delays),
  });
  return found;
}

type Node = AnyStateMachine["root"];

interface Known {
  readonly found: string[];
  readonly actions: readonly string[];
  readonly guards: readonly string[];
  readonly delays: readonly string[];
}

function visit(node: Node, known: Known): void {
  const { found, delays } = known;
  if (node.invoke.length > 0) found.push(`state "${node.id}" invokes: ask for an effect`);
  if (node.type === "history")
    found.push(`state "${node.id}" is a history state: entering by it would ask for its effects again`);
  for (const action of [...node.entry, ...node.exit]) refuseAction(node, action, known);
  for (const { actions, guard } of [...[...node.transitions.values()].flat(), ...(node.always ?? [])]) {
    for (const action of actions) refuseAction(node, action, known);
    refuseGuard(node, guard, known);
  }
  for (const { delay } of node.after) {
    if (typeof delay !== "number" && !(typeof delay === "string" && delays.includes(delay)))
      found.push(`state "${node.id}" waits for a delay without a name: "${String(delay)}"`);
  }
  for (const child of Object.values(node.states)) visit(child, known);
}

/** XState itself adds the actions that arm and cancel timers. */
const TIMERS: readonly string[] = ["xstate.raise", "xstate.cancel"];

function refuseAction(node: Node, action: unknown, { found, actions }: Known): void {
  const name = nameOf(action);
  if (name !== null) {
    if (!actions.includes(name)) found.push(`state "${node.id}" names an action nobody wrote: "${name}"`);
    return;
  }
  if (!(typeof action === "function" && "type" in action && TIMERS.includes(String(action.type))))
    found.push(`state "${node.id}" has an action without a name`);
}

function refuseGuard(node: Node, guard: unknown, known: Known): void {
  if (guard === undefined) return;
  const name = nameOf(guard);
  if (name !== null) {
    if (!known.guards.includes(name)) known.found.push(`state "${node.id}" names a guard nobody wrote: "${name}"`);
    return;
  }
  if (typeof guard !== "function" || !("check" in guard)) known.found.push(`state "${node.id}" has a guard without a name`);
  else if ("guards" in guard && Array.isArray(guard.guards)) for (const part of guard.guards) refuseGuard(node, part, known);
}

/** The name of a reference ("launch", or `{ type: "launch", params }`); null for anything written in place. */
function nameOf(reference: unknown): string | null {
  if (typeof reference === "string") return reference;
  if (typeof reference !== "object" || reference === null || !("type" in reference)) return null;
  return String(reference.type);
}

const isPureBuiltIn = (action: unknown): boolean =>
  typeof action === "function" && "type" in action && PURE_BUILT_INS.includes(String(action.type));
