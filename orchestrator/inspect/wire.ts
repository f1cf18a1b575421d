// What travels over `/inspect`.
//
//   client → server   one frame, within five seconds: {type: "auth", token, project, after?}
//                     token    the person's access token, as Convex gets it
//                     project  its address ("org/project"), or its slug when only one of the person's projects has it
//                     after    the `id` of the last `@xstate.snapshot` seen: the feed goes on from there
//   server → client   {type: "omakase.ready", project}            it begins
//                     {type: "omakase.gap", lost}                 more has happened since `after` than is replayed
//                     @xstate.actor, @xstate.event, @xstate.snapshot   the shapes of @statelyai/inspect
//
// Of each committed step come an `@xstate.event` and an `@xstate.snapshot` with the same `id`, `<actor>@<sequence>`, in the order of
// the log, at least once: a resumed feed may repeat. `sessionId` is an actor's address, `createdAt` the time of the occurrence in ms.

import type { StatelyInspectionEvent } from "@statelyai/inspect";
import { z } from "zod";

export type ServerFrame =
  | StatelyInspectionEvent
  | { readonly type: "omakase.ready"; readonly project: string }
  | { readonly type: "omakase.gap"; readonly lost: "unknown position" | "too many steps" };

/** Close codes, in the range that is an application's own. The reason that comes with one is for a person. */
export const CLOSE = {
  malformed: 4400,
  /** No valid token, or it has expired: sign in again and resume with `after`. */
  unauthenticated: 4401,
  forbidden: 4403,
  authTimeout: 4408,
  /** The client did not read fast enough: reconnect and resume. */
  slow: 4413,
  tooMany: 4429,
  /** We could not read the log: reconnect after a moment and resume. */
  unavailable: 4503,
} as const;

export type CloseCode = (typeof CLOSE)[keyof typeof CLOSE];

const vAuth = z.object({
  type: z.literal("auth"),
  token: z.string().min(1).max(16_000),
  project: z.string().min(1).max(200),
  after: z.string().min(1).max(300).optional(),
});

export type AuthFrame = z.infer<typeof vAuth>;

/** @param frame a text frame, or what a framework has parsed of one @returns null for anything but an `auth` frame */
export function parseAuth(frame: unknown): AuthFrame | null {
  let value = frame;
  if (typeof frame === "string") {
    try {
      value = JSON.parse(frame);
    } catch {
      return null;
    }
  }
  const parsed = vAuth.safeParse(value);
  return parsed.success ? parsed.data : null;
}
