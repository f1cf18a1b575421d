// The effects that are questions to our own memory: what reaches Convex, and that it has settled them there.

import { expect, test } from "bun:test";
import type { FeatureAddress } from "@omakase/machines";
import { aContext, aConvex } from "../testing/edge.ts";
import { announceToDependents, findReady } from "./performers.ts";

const settled = { kind: "unknown", effectId: "omakase/sample:4:0" } as const;

test("who is ready is asked for the project, with the proof of ownership and the effect to settle", async () => {
  const { caller, calls } = aConvex({ "ready:find": () => settled });
  const excluding = ["omakase/sample/oma-1" as FeatureAddress];
  const context = aContext({ actor: "omakase/sample", effectId: "omakase/sample:4:0" });
  expect(await findReady(caller)({ kind: "findReady", limit: 2, excluding }, context)).toEqual({ kind: "settled", settled });
  expect(calls).toEqual([
    {
      name: "ready:find",
      args: { epochs: [{ shard: 3, epoch: 1 }], effectId: "omakase/sample:4:0", project: "omakase/sample", limit: 2, excluding },
    },
  ]);
});

test("dependents are told of a feature by its project", async () => {
  const { caller, calls } = aConvex({ "dependencies:announce": () => settled });
  const effect = { kind: "announceToDependents", state: "met", branch: "agent/oma-1" } as const;
  expect(await announceToDependents(caller)(effect, aContext())).toEqual({ kind: "settled", settled });
  expect(calls[0]?.args).toMatchObject({ project: "omakase/sample", state: "met", branch: "agent/oma-1" });
});
