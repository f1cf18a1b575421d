// When an event whose step fails is given up: the arithmetic alone, for the store, and for the one in memory that simulations use.
//
//   Q1. A failed try is counted where the actor is stored, before the next is made: three in all, whoever owned the actor. A process
//       that dies between a failure and its count has made one try more; none is ever counted that was not made.
//   Q2. The third parks the actor as it was, with the event, its sender and the last error.

import { cut } from "@omakase/machines/text";
import { type Infer, v } from "convex/values";
import { vCause } from "./validators.ts";

export const MAX_TRIES = 3;
const MAX_ERROR = 1_500;

/** An event that stands in its actor's way: of an active actor it is being tried, of a parked one it was given up. */
export const vTrouble = v.object({
  /** The mailbox key, or `timer:<timerId>:<armedSequence>`. */
  eventId: v.string(),
  sender: vCause,
  error: v.string(),
  tries: v.number(),
  /** The last try by the name its owner gave it: told again it is not counted again. */
  attempt: v.string(),
  at: v.number(),
});
export type Trouble = Infer<typeof vTrouble>;

/** What an owner says of a failed try. */
export const vFailure = v.object({ eventId: v.string(), sender: vCause, error: v.string(), attempt: v.string() });
export type Failure = Infer<typeof vFailure>;

/** Q1. The same attempt twice is one. */
export function troubleAfter(known: Trouble | null, { error, ...failure }: Failure, at: number): Trouble {
  const before = known?.eventId === failure.eventId ? known : null;
  if (before?.attempt === failure.attempt) return before;
  return { ...failure, error: cut(error, MAX_ERROR), tries: (before?.tries ?? 0) + 1, at };
}

/** Q2. */
export const isPoison = ({ tries }: Trouble): boolean => tries >= MAX_TRIES;

export const parkedBecause = ({ eventId, sender, tries, error }: Trouble): string =>
  `The event ${cut(eventId, 300)} of ${sender.name} (${sender.kind}) failed ${tries} times: ${error}`;
