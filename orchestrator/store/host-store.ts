// What the host needs of its memory (P2). One implementation speaks to Convex; the simulation has one in memory with the same
// promises: a call either happened whole or not at all, and a call whose answer was lost may be made again unchanged.

import type { Failure } from "../../convex/poison.ts";
import type {
  Actor,
  Attendance,
  Epoch,
  LoadCursor,
  LoadPage,
  Mail,
  Settled,
  Settlement,
  Step,
  StepResult,
} from "../../convex/steps.ts";
import { OmakaseError } from "../errors.ts";

export interface HostStore {
  /**
   * Says that this orchestrator is here and holds these shards; renews its lease for `ttlMs`.
   * @param sinceMs since it was last answered, by a clock that cannot jump; null: never
   * @returns what changes for it: what it has lost, what it has been given, what it is to give back
   */
  attend(held: readonly Epoch[], ttlMs: number, sinceMs: number | null): Promise<Attendance>;
  /** Gives shards back. @param isLeaving and does not come again */
  release(leases: readonly Epoch[], isLeaving: boolean): Promise<void>;
  /** Calls back now and whenever an orchestrator comes or goes or a shard changes hands. @returns ends the watch */
  watchRoster(onChange: () => void): () => void;
  load(shard: number, cursor: LoadCursor | null): Promise<LoadPage>;
  /**
   * One entry an address, in their order; null: there is none. As many as fit an answer, at least one: the rest is to be asked for again.
   * @param addresses at most 256
   */
  actors(addresses: readonly string[]): Promise<readonly (Actor | null)[]>;
  commit(epochs: readonly Epoch[], steps: readonly Step[]): Promise<readonly StepResult[]>;
  settle(epochs: readonly Epoch[], settlements: readonly Settlement[]): Promise<readonly Settled[]>;
  /** Takes an actor that cannot be used out of service. */
  park(epochs: readonly Epoch[], actor: string, reason: string): Promise<void>;
  /** Counts a failed try of an event, once an attempt; the last one parks its actor. @returns the tries there were, whoever made them */
  fail(
    epochs: readonly Epoch[],
    actor: string,
    failure: Failure,
  ): Promise<{ readonly tries: number; readonly isParked: boolean }>;
  /**
   * Calls back with the shard's unconsumed mail from outside, in order of arrival, now and whenever it changes.
   * @returns ends the watch
   */
  watchOutside(shard: number, onMail: (mail: readonly Mail[]) => void): () => void;
}

/** Another owner has the shard: forget it, write nothing. */
export class Fenced extends OmakaseError {
  readonly code = "fenced";
  readonly retryable = false;
  constructor(readonly shard: number) {
    super(`shard ${shard} has another owner`);
  }
}

/** An actor's row is not at the sequence the step was computed on: reload it and take the step again. */
export class Conflict extends OmakaseError {
  readonly code = "conflict";
  readonly retryable = false;
  constructor(readonly actor: string) {
    super(`${actor} has moved on since it was read`);
  }
}

/** The store will not take this call, however often it is made. */
export class Refused extends OmakaseError {
  readonly code = "refused";
  readonly retryable = false;
  constructor(
    message: string,
    /** The store's own code: `badStep`, `unknownEvent`, … */
    readonly reason = "refused",
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** No answer: the call may have happened. It is safe to make it again, unchanged. */
export class Unanswered extends OmakaseError {
  readonly code = "unanswered";
  readonly retryable = true;
}
