// What a far side, or our own budget for it, answers when it is not our turn: a wait, never a failure.

import { OmakaseError } from "../errors.ts";

/** Nothing was done: whoever asked waits `retryAfterMs` and asks again, without being charged an attempt. */
export class RateLimited extends OmakaseError {
  readonly code = "rate_limited";
  readonly retryable = true;

  /**
   * @param budget what is spent, as people and metrics see it: "linear", "github/4711", "ecs/launches"
   * @param reason in words, without the time
   */
  constructor(
    readonly budget: string,
    readonly reason: string,
    override readonly retryAfterMs: number,
    options?: ErrorOptions,
  ) {
    super(`${reason}: wait ${Math.ceil(retryAfterMs / 1000)} s`, options);
  }
}
