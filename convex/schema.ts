// Omakase's memory (P2). Every row belongs to an organisation, directly or through its project (P9).
// Each table says who writes it and who reads it. JSON strings hold what is deep or a stranger's (snapshots, events, payloads):
// Convex limits nesting and key names, strings have neither.

import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
import { vTrouble } from "./poison.ts";
import {
  vActorKind,
  vActorStatus,
  vAllowance,
  vAmount,
  vBudgets,
  vCategory,
  vCause,
  vColumn,
  vFarSide,
  vHold,
  vHoldMode,
  vLimits,
  vMembershipRole,
  vMetered,
  vMood,
  vOrigin,
  vOutboxState,
  vPullRequest,
  vReason,
  vReceipt,
  vRole,
  vRunState,
  vStateType,
  vStoredSettings,
  vUsage,
} from "./validators.ts";

export default defineSchema({
  /** Written by seeding and administration. */
  organizations: defineTable({
    slug: v.string(),
    name: v.string(),
    /** For a calendar month (UTC), over all projects. Missing: no limit. */
    budget: v.optional(vAllowance),
    /** Set while every project of it is held. */
    hold: v.optional(v.object({ mode: vHoldMode, by: v.string(), reason: v.string(), at: v.number() })),
  }).index("by_slug", ["slug"]),

  /** One row a person who has signed in. Written by `users.signIn`. */
  users: defineTable({ tokenIdentifier: v.string(), subject: v.string(), name: v.string(), email: v.string() }).index(
    "by_token",
    ["tokenIdentifier"],
  ),

  /** Who may do what where. Keyed by the identity provider's subject, so that a person can be invited before the first sign-in. */
  memberships: defineTable({ organization: v.id("organizations"), subject: v.string(), role: vMembershipRole }).index(
    "by_subject",
    ["subject", "organization"],
  ),

  /** A Linear team and a repository. Settings are written by administration, the view by `host.commit`. */
  projects: defineTable({
    organization: v.id("organizations"),
    address: v.string(),
    slug: v.string(),
    name: v.string(),
    linearTeamId: v.string(),
    linearTeamKey: v.string(),
    /** "owner/name" */
    repository: v.string(),
    defaultBranch: v.string(),
    /** Run by the runner itself after a tester's run; null: the tester's evidence stands alone. */
    testCommand: v.union(v.string(), v.null()),
    limits: vLimits,
    settings: vStoredSettings,
    /** Missing: `DEFAULT_BUDGETS`. */
    budgets: v.optional(vBudgets),
    view: v.object({
      state: v.string(),
      category: vCategory,
      label: v.string(),
      mood: vMood,
      actions: v.array(v.string()),
      running: v.array(v.string()),
    }),
  })
    .index("by_address", ["address"])
    .index("by_organization", ["organization", "slug"])
    .index("by_linear_team", ["linearTeamId"])
    .index("by_repository", ["repository"]),

  /** Linear issues as last seen; `updatedAt` (Linear's, ms) keeps an older delivery from overwriting a newer one. */
  tickets: defineTable({
    organization: v.id("organizations"),
    project: v.id("projects"),
    issueId: v.string(),
    key: v.string(),
    title: v.string(),
    /** At most 256 KiB of UTF-8; `descriptionBytes` is the length before the cut. */
    description: v.string(),
    descriptionBytes: v.number(),
    url: v.string(),
    priority: v.number(),
    labels: v.array(v.string()),
    stateType: vStateType,
    stateName: v.string(),
    updatedAt: v.number(),
    /** Address of its feature: `<project>/<lower-cased key at first sight>`. */
    feature: v.string(),
    /** Mailbox key of the last `ticket.appeared`: while that is unread, later changes queue behind it in the project's mailbox. */
    appearedKey: v.string(),
  })
    .index("by_issue", ["issueId"])
    .index("by_project", ["project", "updatedAt"]),

  /** "blocker blocks blocked", by Linear issue id; both inside one project. Replaced per blocked issue by `dependencies.resolve`. */
  dependencies: defineTable({
    project: v.id("projects"),
    blocker: v.string(),
    blockerKey: v.string(),
    blocked: v.string(),
    blockedKey: v.string(),
  })
    .index("by_blocker", ["project", "blocker"])
    .index("by_blocked", ["project", "blocked"]),

  /** What the board shows of a feature: its view (P7) beside its ticket. Written by `host.commit` only when the view changes. */
  features: defineTable({
    organization: v.id("organizations"),
    project: v.id("projects"),
    address: v.string(),
    issueId: v.string(),
    key: v.string(),
    title: v.string(),
    url: v.string(),
    priority: v.number(),
    labels: v.array(v.string()),
    branch: v.string(),
    state: v.string(),
    hold: vHold,
    category: vCategory,
    column: vColumn,
    label: v.string(),
    mood: vMood,
    stage: v.union(vRole, v.null()),
    wants: v.union(vRole, v.null()),
    reasons: v.array(vReason),
    failure: v.union(v.string(), v.null()),
    actions: v.array(v.string()),
    pullRequest: v.union(vPullRequest, v.null()),
    /** It is or should be open at GitHub (pulls.ts). Rows from before it was kept have none until `pulls.adopt`. */
    hasOpenPull: v.optional(v.boolean()),
    costUsd: v.number(),
    /** When the leaf state was entered, ms. */
    stateSince: v.number(),
    sequence: v.number(),
    createdAt: v.number(),
    /** The order of admission of those who want one role: urgent first and none last; most dependents first (negated); then oldest; then key. */
    ready: v.boolean(),
    priorityRank: v.number(),
    unblocksRank: v.number(),
  })
    .index("by_address", ["address"])
    .index("by_issue", ["project", "issueId"])
    .index("by_board", ["project", "column", "stateSince"])
    .index("by_open_pull", ["hasOpenPull", "project"])
    .index("by_ready", ["project", "ready", "wants", "priorityRank", "unblocksRank", "createdAt", "key"]),

  /** One row an agent (one run of a role on a feature). Written by `host.commit`. */
  agents: defineTable({
    organization: v.id("organizations"),
    project: v.id("projects"),
    feature: v.string(),
    address: v.string(),
    role: vRole,
    state: v.string(),
    category: vCategory,
    column: vColumn,
    label: v.string(),
    mood: vMood,
    actions: v.array(v.string()),
    ended: v.boolean(),
    reason: v.union(v.string(), v.null()),
    attempt: v.number(),
    stateSince: v.number(),
    sequence: v.number(),
    createdAt: v.number(),
  })
    .index("by_address", ["address"])
    .index("by_feature", ["feature"])
    .index("by_project", ["project", "ended"]),

  /** One row a launched task (one attempt of one agent). Made by `host.commit` with the `runTask` outbox row; then written by `runs.*` and `ecs.*`. */
  agentRuns: defineTable({
    organization: v.id("organizations"),
    project: v.id("projects"),
    feature: v.string(),
    agent: v.string(),
    role: vRole,
    attempt: v.number(),
    /** How many agents of this role the feature has had, this one included: a prompt's "round". */
    round: v.number(),
    effectId: v.string(),
    /** RunTask's startedBy and clientToken: derived from the effect id. */
    startedBy: v.string(),
    state: vRunState,
    taskArn: v.union(v.string(), v.null()),
    /** Highest ECS `version` seen: older events are dropped. */
    taskVersion: v.number(),
    /** The container that claimed this run; a second one exits at once. */
    claimId: v.union(v.string(), v.null()),
    claimedAt: v.union(v.number(), v.null()),
    lastSeenAt: v.union(v.number(), v.null()),
    lastOutputAt: v.union(v.number(), v.null()),
    usage: vUsage,
    model: v.union(v.string(), v.null()),
    /** The role's structured result, JSON of at most 64 KiB. */
    result: v.union(v.string(), v.null()),
    headSha: v.union(v.string(), v.null()),
    exitCode: v.union(v.number(), v.null()),
    stopCode: v.union(v.string(), v.null()),
    endReason: v.union(v.string(), v.null()),
    endedAt: v.union(v.number(), v.null()),
    /** When the runner's last word was stored: it is stored once. */
    reportedAt: v.union(v.number(), v.null()),
    createdAt: v.number(),
    /** Sequence number of the last stored log event. */
    logSequence: v.number(),
  })
    .index("by_effect", ["effectId"])
    .index("by_agent", ["agent", "attempt"])
    .index("by_feature", ["feature", "createdAt"])
    .index("by_started_by", ["startedBy"])
    .index("by_state", ["state", "lastSeenAt"]),

  /** A run's events in chunks of at most 256 KiB, one a call of `runs.append`: `events` is a JSON array of LogEvent, masked before it was stored. */
  runLogs: defineTable({ run: v.id("agentRuns"), from: v.number(), to: v.number(), events: v.string() }).index("by_run", [
    "run",
    "from",
  ]),

  /**
   * What was spent and is reserved, one row a scope and period: a feature's address with "all", a project's address or an organisation's
   * slug with a month ("2026-11"). Written with every reservation and settlement (reservations.ts), read before a launch.
   */
  ledgers: defineTable({
    scope: v.string(),
    period: v.string(),
    reserved: vAmount,
    spent: vAmount,
    /** Added to a feature's budget by an admin. */
    granted: vAmount,
    runs: v.number(),
  }).index("by_scope", ["scope", "period"]),

  /** One row a launched run: made with its `runTask`, settled when it ends. */
  reservations: defineTable({
    effectId: v.string(),
    agent: v.string(),
    feature: v.string(),
    /** The month it counts for: the one it was launched in. */
    month: v.string(),
    reserved: vAmount,
    metered: vMetered,
    /** What it came to; null while it lives. */
    settled: v.union(vAmount, v.null()),
    /** Why the gateway refuses it further answers. */
    overBudget: v.union(v.string(), v.null()),
    receipt: vReceipt,
  })
    .index("by_effect", ["effectId"])
    .index("by_agent", ["agent"]),

  /** What one gateway process has metered of a run, in all: told again it changes nothing. Written by `runs.meter`. */
  meterings: defineTable({ effectId: v.string(), meter: v.string(), metered: vMetered }).index("by_effect", [
    "effectId",
    "meter",
  ]),

  /** One row an actor: its snapshot as a JSON string. Written by `host.commit` alone. */
  actors: defineTable({
    organization: v.id("organizations"),
    project: v.id("projects"),
    address: v.string(),
    kind: vActorKind,
    shard: v.number(),
    machineVersion: v.string(),
    sequence: v.number(),
    snapshot: v.string(),
    status: vActorStatus,
    parkedReason: v.union(v.string(), v.null()),
    /** The event that failed last; of a parked actor, what it is parked for (poison.ts). Missing: none, or the actor itself cannot be used. */
    trouble: v.optional(vTrouble),
    /** The step that created it, `<parent>:<sequence>`; null when seeding did. */
    bornOf: v.union(v.string(), v.null()),
    /** The row its view is written to. */
    view: v.union(v.id("projects"), v.id("features"), v.id("agents")),
  })
    .index("by_address", ["address"])
    .index("by_status", ["shard", "status"]),

  /** One row a step, gap-free per actor; it is also the receipt of the event it consumed (`by_event`). */
  transitions: defineTable({
    project: v.id("projects"),
    actor: v.string(),
    /** The feature the actor is or belongs to; null for a project. */
    feature: v.union(v.string(), v.null()),
    sequence: v.number(),
    /** The mailbox key of the event. */
    eventId: v.string(),
    eventType: v.string(),
    /** JSON of the event. */
    event: v.string(),
    cause: vCause,
    /** Dotted leaf states, one per region: "work.coder.working hold.running". */
    from: v.string(),
    to: v.string(),
    /** Intermediate states of the macrostep, when there were any. */
    microsteps: v.array(v.string()),
    /** Types and kinds of the actions asked for: "effect runTask", "send org/p feature.queued". */
    actions: v.array(v.string()),
    /** The machine had no transition for it: recorded, not applied. */
    ignored: v.boolean(),
    at: v.number(),
    /** Of the owner that stored it: within a shard it never goes back (I7). Rows from before it was kept have none. */
    epoch: v.optional(v.number()),
  })
    .index("by_actor", ["actor", "sequence"])
    .index("by_event", ["actor", "eventId"])
    .index("by_feature", ["feature"])
    .index("by_project", ["project"]),

  /** Events stored and not yet consumed: the row is the right to apply its event. Whoever may be repeated checks `by_key` and `transitions.by_event` first. */
  mailbox: defineTable({
    shard: v.number(),
    origin: vOrigin,
    actor: v.string(),
    key: v.string(),
    event: v.string(),
    cause: vCause,
  })
    .index("by_key", ["actor", "key"])
    .index("by_inbox", ["shard", "origin"]),

  /** Armed `after` timers. */
  timers: defineTable({ shard: v.number(), actor: v.string(), timerId: v.string(), armedSequence: v.number(), dueAt: v.number() })
    .index("by_actor", ["actor", "timerId"])
    .index("by_due", ["shard", "dueAt"]),

  /** Effects asked for. The payload is frozen; the row outlives its performance so that a repeat is seen. */
  outbox: defineTable({
    project: v.id("projects"),
    shard: v.number(),
    actor: v.string(),
    effectId: v.string(),
    kind: v.string(),
    payload: v.string(),
    state: vOutboxState,
    error: v.union(v.string(), v.null()),
    createdAt: v.number(),
    settledAt: v.union(v.number(), v.null()),
    /** The mail its settlement made, read or not: told again to an owner that did not hear of it. */
    mail: v.optional(v.array(v.id("mailbox"))),
  })
    .index("by_effect", ["effectId"])
    .index("by_state", ["shard", "state"]),

  /** Moves of tickets that failed for good, until Linear's sweep has made them or found them moot. Written by settlements, read and removed by `moves.*`. */
  givenUpMoves: defineTable({
    effectId: v.string(),
    feature: v.string(),
    issueId: v.string(),
    payload: v.string(),
    /** The state the ticket was in then, as Linear had said; null when it was not known. */
    stateName: v.union(v.string(), v.null()),
  }).index("by_effect", ["effectId"]),

  /** Who may commit for a shard: read by every commit, written only when a shard changes hands. `owner` is "" when nobody has it, since `freeSince` (ms). */
  shards: defineTable({
    shard: v.number(),
    epoch: v.number(),
    owner: v.string(),
    freeSince: v.optional(v.number()),
  }).index("by_shard", ["shard"]),

  /** The orchestrators that are there. Written when one comes or goes: what all of them watch. */
  orchestrators: defineTable({ name: v.string() }).index("by_name", ["name"]),

  /** When each, by its latest process (`instance`), was last heard of: a row of its own, so that renewals conflict with no commit and wake no watcher. */
  heartbeats: defineTable({ name: v.string(), instance: v.string(), heardAt: v.number(), ttlMs: v.number() }).index("by_name", [
    "name",
  ]),

  /** Every delivery accepted from Linear or GitHub, once. */
  webhookDeliveries: defineTable({
    source: v.union(v.literal("linear"), v.literal("github")),
    deliveryId: v.string(),
    event: v.string(),
    outcome: v.string(),
    receivedAt: v.number(),
  }).index("by_delivery", ["source", "deliveryId"]),

  /** What people did. */
  audit: defineTable({
    organization: v.id("organizations"),
    project: v.id("projects"),
    who: v.string(),
    what: v.string(),
    why: v.union(v.string(), v.null()),
    actor: v.string(),
    /** Mailbox key of the event it became. */
    key: v.string(),
    at: v.number(),
  }).index("by_project", ["project"]),

  /** What sweeps and performers have put right, once each. Written by `repairs.record`, read on a project's page. */
  repairs: defineTable({
    organization: v.id("organizations"),
    project: v.id("projects"),
    farSide: vFarSide,
    kind: v.string(),
    subject: v.string(),
    actor: v.union(v.string(), v.null()),
    what: v.string(),
    key: v.string(),
    at: v.number(),
  })
    .index("by_project", ["project"])
    .index("by_key", ["project", "key"]),

  /** How far a sweep has seen a project's far side, by the far side's clock (ms). Written and read by the sweeps (`reconcile.swept`, `pulls.*`). */
  sweepMarks: defineTable({
    project: v.string(),
    farSide: vFarSide,
    until: v.number(),
    /** GitHub: when it was looked at last (ms, our clock), and whether a pull request was or should have been open then. */
    lookedAt: v.optional(v.number()),
    isOpen: v.optional(v.boolean()),
  })
    .index("by_project", ["project", "farSide"])
    .index("by_open", ["farSide", "isOpen", "project"]),
});
