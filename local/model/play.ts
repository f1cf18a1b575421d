// Finds the step a script has reached in a conversation. Pure: it speaks no protocol and keeps no state.
//
//   L1. Same script, same scene, same outcomes: same step. (The faults already spent are an argument.)

import type { Role } from "./roles.ts";
import type { Act, Outcome, Run, Scene, Step } from "./script.ts";

export interface Reached {
  readonly step: Step;
  /** How many tool results came before, from 0. */
  readonly turn: number;
  /** Which fault of the script this is, from 0: the key its `times` is counted under. */
  readonly faultIndex: number;
}

const NOTHING: Outcome = { text: "", isError: false };
/** Said when a script has no more to do, or a client goes on after the result. */
const CLOSING: Step = { kind: "say", text: "Done." };

/**
 * Replays the run and returns where it stands now.
 * @param isSpent whether the n-th fault of the run has happened often enough
 * @throws whatever the script throws: a broken script is the caller's 500
 */
export function reach<R extends Role>(
  act: Act<R>,
  scene: Scene,
  outcomes: readonly Outcome[],
  isSpent: (faultIndex: number, times: number) => boolean = () => false,
): Reached {
  const run: Run<R> = act(scene);
  let turn = 0;
  let faultIndex = -1;
  for (let at = run.next(); ; ) {
    if (at.done) return { step: CLOSING, turn: outcomes.length, faultIndex };
    const step: Step = at.value;
    if (step.kind === "fault") {
      faultIndex += 1;
      if (step.times !== undefined && isSpent(faultIndex, step.times)) {
        at = run.next(NOTHING);
        continue;
      }
      // Nonsense comes back as a refused tool call: one outcome more, and the script goes on.
      if (step.fault.kind !== "nonsense") return { step, turn, faultIndex };
    }
    const outcome = outcomes[turn];
    if (outcome === undefined || step.kind === "say") return { step, turn, faultIndex };
    turn += 1;
    at = run.next(outcome);
  }
}
