// Whether a machine's definition has changed: a hash of its states, transitions and the names of its guards, actions and delays.
// It cannot see inside a function; a change there that alters what a stored actor does needs a new version all the same.

import type { AnyStateMachine } from "xstate";
import { hashHex } from "./hash.ts";

/** 14 hexadecimal digits, the same wherever it is computed. `version` itself does not count. */
export function definitionHash(machine: AnyStateMachine): string {
  const { version: _version, ...config } = machine.config;
  const names = Object.entries(machine.implementations).map(([kind, named]) => [kind, Object.keys(named ?? {}).sort()] as const);
  return hashHex(canonical([config, names]));
}

/** XState's ways to combine guards: functions that carry what they combine. Any other function's name may change with a bundler. */
const COMBINATORS: readonly string[] = ["and", "or", "not", "stateIn"];

/** JSON with sorted keys, except that states keep their order (it is the order of parallel regions); functions by what they guard. */
function canonical(value: unknown): string {
  if (typeof value === "function") return `ƒ${COMBINATORS.includes(value.name) ? value.name : ""}${canonical({ ...value })}`;
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const entries = Object.entries(value).filter(([, part]) => part !== undefined);
  const isStates = entries.length > 0 && entries.every(([, part]) => isStateLike(part));
  const ordered = isStates ? entries : entries.sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${ordered.map(([key, part]) => `${JSON.stringify(key)}:${canonical(part)}`).join()}}`;
}

const isStateLike = (value: unknown): boolean => typeof value === "object" && value !== null && "meta" in value;
