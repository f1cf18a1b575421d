// Which of some constant events a snapshot takes, as XState's own `can` says, without asking it at every step: most answers follow
// from the state alone.
//
//   K1. An answer is kept only when `can` gave it without a look at the context. Guards are pure (P3): with the same state and event
//       they go the same way, so they would not look the next time either.
//   K2. Whatever looked at the context is asked again each time.

import type { AnyMachineSnapshot, EventObject } from "xstate";

/** What XState's `can` says in one state; null: it depends on the context. */
type Answer = boolean | null;

/**
 * @param requests names with an event each; a name with several is accepted when any of its events is
 * @returns the names whose events a snapshot of one and the same machine accepts, each once, in their order
 */
export function accepting<Name extends string, Snapshot extends AnyMachineSnapshot>(
  requests: readonly (readonly [Name, Parameters<Snapshot["can"]>[0]])[],
): (snapshot: Snapshot) => readonly Name[] {
  // As many entries as the machine has combinations of states.
  const known = new Map<string, readonly Answer[]>();
  return (snapshot) => {
    const state = JSON.stringify(snapshot.value);
    let answers = known.get(state);
    if (answers === undefined) {
      answers = requests.map(([, event]) => answerOfState(snapshot, event));
      known.set(state, answers);
    }
    const accepted: Name[] = [];
    for (const [index, [name, event]] of requests.entries())
      if (!accepted.includes(name) && (answers[index] ?? snapshot.can(event))) accepted.push(name);
    return accepted;
  };
}

function answerOfState(snapshot: AnyMachineSnapshot, event: EventObject): Answer {
  let hasLooked = false;
  const noting =
    <Arguments extends unknown[], Result>(look: (...args: Arguments) => Result) =>
    (...args: Arguments): Result => {
      hasLooked = true;
      return look(...args);
    };
  const context = new Proxy(snapshot.context, {
    get: noting(Reflect.get),
    has: noting(Reflect.has),
    ownKeys: noting(Reflect.ownKeys),
    getOwnPropertyDescriptor: noting(Reflect.getOwnPropertyDescriptor),
  });
  const watched: AnyMachineSnapshot = { ...snapshot, context };
  const answer = watched.can(event);
  return hasLooked ? null : answer;
}
