// An actor's stored snapshot, for the statechart.

import { v } from "convex/values";
import { memberQuery } from "./access.ts";
import { findActor } from "./mail.ts";
import { vActorKind, vActorStatus } from "./validators.ts";

/** The actor, or null. `snapshot` is JSON as its machine persists it: by design it holds no secret. */
export const get = memberQuery({
  needs: "viewer",
  args: { address: v.string() },
  returns: v.union(
    v.object({
      address: v.string(),
      kind: vActorKind,
      machineVersion: v.string(),
      sequence: v.number(),
      status: vActorStatus,
      parkedReason: v.union(v.string(), v.null()),
      snapshot: v.string(),
    }),
    v.null(),
  ),
  about: ({ address }) => address,
  handler: async ({ db }, { address }) => {
    const row = await findActor(db, address);
    if (row === null) return null;
    const { kind, machineVersion, sequence, status, parkedReason, snapshot } = row;
    return { address, kind, machineVersion, sequence, status, parkedReason, snapshot };
  },
});
