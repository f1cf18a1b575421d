// What the roles of a feature have handed over: the newest result of each.

import type { Role } from "@omakase/machines/roles";
import { type Infer, v } from "convex/values";
import type { DatabaseReader } from "./_generated/server";

const vResult = v.union(v.string(), v.null());

/** JSON of the newest stored result of each role; null before its first. */
export const vResults = v.object({ architect: vResult, coder: vResult, reviewer: vResult, tester: vResult });

/** Runs looked at, newest first: far more than a feature's rounds. */
const MOST_RUNS = 50;

export async function resultsOf(db: DatabaseReader, feature: string): Promise<Infer<typeof vResults>> {
  const runs = await db
    .query("agentRuns")
    .withIndex("by_feature", (q) => q.eq("feature", feature))
    .order("desc")
    .take(MOST_RUNS);
  const newest = (role: Role) => runs.find((run) => run.role === role && run.result !== null)?.result ?? null;
  return { architect: newest("architect"), coder: newest("coder"), reviewer: newest("reviewer"), tester: newest("tester") };
}
