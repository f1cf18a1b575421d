// The shapes that tables and functions share. Types come from here: `Infer<typeof vRole>`.

import { v } from "convex/values";

export const vRole = v.union(v.literal("architect"), v.literal("coder"), v.literal("reviewer"), v.literal("tester"));
export const vMembershipRole = v.union(v.literal("admin"), v.literal("developer"), v.literal("viewer"));
export const vActorKind = v.union(v.literal("project"), v.literal("feature"), v.literal("agent"));
/** `parked`: its snapshot could not be restored or an event keeps failing; left as it was for a person. */
export const vActorStatus = v.union(v.literal("active"), v.literal("done"), v.literal("parked"));
export const vHold = v.union(v.literal("running"), v.literal("draining"), v.literal("paused"));
export const vCategory = v.union(
  v.literal("queued"),
  v.literal("ready"),
  v.literal("blocked"),
  v.literal("working"),
  v.literal("waitingForRetry"),
  v.literal("needsYou"),
  v.literal("paused"),
  v.literal("failed"),
  v.literal("done"),
  v.literal("cancelled"),
);
export const vColumn = v.union(
  v.literal("queued"),
  v.literal("architect"),
  v.literal("code"),
  v.literal("review"),
  v.literal("test"),
  v.literal("needsYou"),
  v.literal("done"),
  v.literal("failed"),
  v.literal("cancelled"),
);
export const vMood = v.union(
  v.literal("idle"),
  v.literal("thinking"),
  v.literal("working"),
  v.literal("testing"),
  v.literal("waiting"),
  v.literal("stuck"),
  v.literal("proud"),
  v.literal("failed"),
  v.literal("offline"),
);
export const vReason = v.object({
  kind: v.union(
    v.literal("dependency"),
    v.literal("slot"),
    v.literal("role"),
    v.literal("hold"),
    v.literal("backOff"),
    v.literal("approval"),
    v.literal("person"),
    v.literal("notStarted"),
    v.literal("budget"),
    v.literal("ownership"),
    v.literal("capacity"),
    v.literal("rateLimit"),
    v.literal("farSide"),
    v.literal("parked"),
  ),
  text: v.string(),
});
/** Linear's workflow state types. */
export const vStateType = v.union(
  v.literal("triage"),
  v.literal("backlog"),
  v.literal("unstarted"),
  v.literal("started"),
  v.literal("completed"),
  v.literal("canceled"),
  v.literal("duplicate"),
);
export const vPullRequest = v.object({ number: v.number(), url: v.string() });
/**
 * Who a mailbox row is for: `own` was written by the owner's commits and is known to it; `outside` was written by everybody else and is
 * pushed to it; `held` waits for its actor to be unparked, out of everybody's way.
 */
export const vOrigin = v.union(v.literal("own"), v.literal("outside"), v.literal("held"));
export const vOutboxState = v.union(v.literal("pending"), v.literal("done"), v.literal("failed"));
export const vRunState = v.union(
  v.literal("requested"),
  v.literal("launched"),
  v.literal("claimed"),
  v.literal("reported"),
  v.literal("ended"),
);
/** Whose fault an ending was. */
export const vFailureClass = v.union(v.literal("infrastructure"), v.literal("agent"), v.literal("verdict"), v.literal("budget"));
/** Who caused an event. `name` is a display name, a system's name or an actor's address. */
export const vCause = v.object({
  kind: v.union(
    v.literal("person"),
    v.literal("linear"),
    v.literal("github"),
    v.literal("ecs"),
    v.literal("agent"),
    v.literal("actor"),
    v.literal("timer"),
    v.literal("effect"),
    v.literal("sweep"),
  ),
  name: v.string(),
});
export const vLimits = v.object({
  features: v.number(),
  perRole: v.object({
    architect: v.optional(v.number()),
    coder: v.optional(v.number()),
    reviewer: v.optional(v.number()),
    tester: v.optional(v.number()),
  }),
});
const agentLimits = {
  wallClockMs: v.number(),
  stallMs: v.number(),
  maxInfrastructureAttempts: v.number(),
  maxAgentAttempts: v.number(),
  maxTurns: v.number(),
  maxBudgetUsd: v.number(),
};
const pipeline = {
  maxReviewRounds: v.number(),
  maxTestRounds: v.number(),
  maxReworkRounds: v.number(),
  approval: v.union(v.literal("off"), v.literal("on"), v.literal("label")),
  approvalLabel: v.string(),
  dependencyMet: v.union(v.literal("passing"), v.literal("merged")),
};
export const vSettings = v.object({
  ...pipeline,
  maxRuns: v.number(),
  maxUsdWithoutProgress: v.number(),
  maxTurnsWithoutProgress: v.number(),
  agent: v.object({ ...agentLimits, maxTokens: v.number() }),
});
/** As a row has them: one that is older than a setting lacks it (`settingsOf` fills it in). */
export const vStoredSettings = v.object({
  ...pipeline,
  maxRuns: v.optional(v.number()),
  maxUsdWithoutProgress: v.optional(v.number()),
  maxTurnsWithoutProgress: v.optional(v.number()),
  agent: v.object({ ...agentLimits, maxTokens: v.optional(v.number()) }),
});
/** Tokens and dollars of a run so far. */
export const vUsage = v.object({
  turns: v.number(),
  inputTokens: v.number(),
  outputTokens: v.number(),
  cacheReadTokens: v.number(),
  cacheCreationTokens: v.number(),
  costUsd: v.number(),
});
/** Whom reconciliation compares us with. */
export const vFarSide = v.union(v.literal("ecs"), v.literal("linear"), v.literal("github"));

/** Whole micro-dollars and tokens. */
export const vAmount = v.object({ microUsd: v.number(), tokens: v.number() });
/** What may be spent. Null: no limit. */
export const vAllowance = v.object({ usd: v.union(v.number(), v.null()), tokens: v.union(v.number(), v.null()) });
/** `feature`: each feature in all; `month`: the project in a calendar month (UTC). A run's own ceiling is in the settings of its agents. */
export const vBudgets = v.object({ feature: vAllowance, month: vAllowance });
export const vBudgetLevel = v.union(v.literal("run"), v.literal("feature"), v.literal("project"), v.literal("organization"));
/** What the model gateway has seen of a run. `requests` are those that were answered with a usage. */
export const vMetered = v.object({
  requests: v.number(),
  inputTokens: v.number(),
  outputTokens: v.number(),
  cacheReadTokens: v.number(),
  cacheCreationTokens: v.number(),
  microUsd: v.number(),
});
/** What was checked when a run was launched, as it stood in that transaction. */
export const vReceipt = v.object({
  at: v.number(),
  /** Features that held a place, and how many may. */
  places: v.object({ taken: v.number(), limit: v.number() }),
  /** Agents of the role that may run at once; null: as many as there are places. */
  roleLimit: v.union(v.number(), v.null()),
  budgets: v.array(
    v.object({ level: vBudgetLevel, period: v.string(), spent: vAmount, reserved: vAmount, allowance: vAllowance }),
  ),
});
export const vHoldMode = v.union(v.literal("starts"), v.literal("drain"), v.literal("stop"));
