// What a machine's names say to a person: events, guards, effects, delays.

import { type AnyStateMachine, not, or } from "xstate";
import { formatDuration } from "../../elements/duration.ts";

/** XState's names for what it raises itself: "xstate.after.<delay>.<state id>", "xstate.done.state.<id>". */
const AFTER = /^xstate\.after\.(.+?)\.(?=[^.]*)/;

/** "task.stopped" as it is; "after 2 min", "when done", "always", "any other event" for what the machine does by itself. */
export function eventName(type: string, machine: AnyStateMachine): string {
  if (type === "") return "always";
  if (type === "*") return "any other event";
  if (type.startsWith("xstate.done.")) return "when done";
  if (type.startsWith("xstate.error.")) return "when it breaks";
  const delay = AFTER.exec(type)?.[1];
  if (delay === undefined) return type;
  return `after ${delayWords(delay, machine.implementations.delays[delay])}`;
}

/** For a stored event, whose machine is not at hand. */
export function eventTitle(type: string): string {
  const delay = AFTER.exec(type)?.[1];
  return delay === undefined ? type : `after ${delayWords(delay, undefined)}`;
}

/** @param delay its name, or milliseconds as digits @param known what the machine says it is */
function delayWords(delay: string, known: unknown): string {
  const ms = typeof known === "number" ? known : Number(delay);
  if (Number.isFinite(ms)) return ms < 1000 ? `${ms} ms` : formatDuration(ms);
  return words(delay.replace(/Ms$/, ""));
}

/** Null when there is none. */
export function guardWords(guard: unknown): string | null {
  if (guard === undefined || guard === null) return null;
  if (typeof guard === "string") return words(guard);
  if (typeof guard === "function") return combinatorWords(guard);
  const { type, params } = guard as { type?: unknown; params?: unknown };
  return typeof type === "string" ? `${words(type)}${paramWords(params)}` : "a condition";
}

/** XState's combinators are functions that carry what they combine, told apart by how they check: their names change with a bundler. */
const checkOf = (guard: object): unknown => ("check" in guard ? guard.check : undefined);
const CHECKS = { not: checkOf(not("")), or: checkOf(or([])) } as const;

function combinatorWords(guard: object): string {
  const { guards, stateValue } = guard as { guards?: readonly unknown[]; stateValue?: unknown };
  if (stateValue !== undefined) return `in ${stateWords(stateValue)}`;
  if (guards === undefined) return "a condition";
  const parts = guards.map((each) => guardWords(each) ?? "a condition");
  if (checkOf(guard) === CHECKS.not) return `not (${parts.join()})`;
  return parts.join(checkOf(guard) === CHECKS.or ? " or " : " and ");
}

function stateWords(value: unknown): string {
  if (typeof value === "string") return words(value);
  if (typeof value !== "object" || value === null) return "a state";
  return Object.entries(value)
    .map(([key, inner]) => `${words(key)} ${stateWords(inner)}`)
    .join(", ");
}

/** "launch agent (coder)". */
export function actionWords(action: unknown): string {
  if (typeof action === "string") return words(action);
  if (typeof action === "function") return action.name === "" ? "a change" : words(action.name);
  const { type, params } = action as { type?: unknown; params?: unknown };
  return typeof type === "string" ? `${words(type.replace(/^xstate\./, ""))}${paramWords(params)}` : "a change";
}

function paramWords(params: unknown): string {
  if (typeof params !== "object" || params === null) return "";
  const said = Object.values(params).filter((value) => typeof value === "string" || typeof value === "number");
  return said.length === 0 ? "" : ` (${said.map((value) => words(String(value))).join(", ")})`;
}

/** "needsHuman" to "needs human". */
export const words = (name: string): string =>
  name.replace(/([a-z\d])([A-Z])/g, (_, end, start) => `${end} ${start.toLowerCase()}`);

/** "needsHuman" to "Needs human". */
export const title = (name: string): string => {
  const text = words(name);
  return text.charAt(0).toUpperCase() + text.slice(1);
};
