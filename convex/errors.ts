// How a function refuses: a ConvexError whose `code` callers switch on and whose `message` tells a person what to do.

import { ConvexError } from "convex/values";

export type RefusalCode =
  /** Nobody is signed in. */
  | "unauthenticated"
  /** The caller lacks the role, or there is nothing there: deliberately the same answer (P9). */
  | "forbidden"
  /** Another epoch owns the shard: forget it and do not write. */
  | "fenced"
  /** The actor has moved on: load it again. */
  | "conflict"
  /** The actor is parked and takes no steps. */
  | "parked"
  | "unknownActor"
  /** A step names an event that nobody sent to its actor. */
  | "unknownEvent"
  /** One step cannot be stored, whatever is tried: the poison of a batch. */
  | "badStep"
  | "tooLarge"
  | "badArgument"
  /** The actor does not accept this now. */
  | "refused"
  /** A short name fits several things. */
  | "ambiguous"
  | "notFound";

export interface Refusal {
  code: RefusalCode;
  message: string;
  actor?: string;
  shard?: number;
  sequence?: number;
  [more: string]: string | number | undefined;
}

/** @throws {ConvexError} always */
export function refuse(refusal: Refusal): never {
  throw new ConvexError(refusal);
}
