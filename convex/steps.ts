// What the orchestrator's host hands to Convex and gets back: the arguments and results of `host.*` and of the answers that need
// the database. Validators and their types only, so that the host can import them without importing a function.
//
// The row an event comes from is the right to apply it: consuming the event deletes the row in the same transaction. Ids and keys of
// what a step asks for are derived here from the actor, its new sequence and an index, so that no step can name another step's row.

import { type Infer, v } from "convex/values";
import {
  vActorKind,
  vActorStatus,
  vCategory,
  vCause,
  vColumn,
  vHold,
  vMood,
  vOrigin,
  vPullRequest,
  vReason,
  vRole,
} from "./validators.ts";

/** Most steps of one `host.commit`; the host sends at most 64. */
export const MAX_STEPS = 256;
/** Most actors of one `host.actors`: as many as one `host.commit` may step. Those that do not fit its answer are asked for again. */
export const MAX_ACTORS = 256;
/** As many of them are read side by side: with all of these, and one before, as long as they may be, it is within what a query may read, 16 MiB. */
export const ACTORS_AT_ONCE = 16;
/** Longest event, payload or action text a step may carry, in UTF-16 units: a page of mail must fit into one read. */
export const MAX_EVENT_CHARS = 64 * 1024;
/** Longest snapshot, in UTF-16 units: at worst three bytes each, it still fits a Convex document (1 MiB). */
export const MAX_SNAPSHOT_CHARS = 300 * 1024;
/** Rows of a shard's mail from outside that its owner has in sight: as it consumes them the next come into view. */
export const OUTSIDE_WINDOW = 256;
/** Most timers of one actor: far above what any of our machines arms, and the bound of the read that finds them. */
export const MAX_TIMERS = 32;

/** The owner's proof for one shard. Every shard that is written to must be listed. */
export const vEpoch = v.object({
  shard: v.number(),
  epoch: v.number(),
  /** The shard's row, as `shards.attend` gave it: it is read and need not be looked for. */
  row: v.optional(v.id("shards")),
});

/** What an orchestrator is told each time it says that it is here. */
export const vAttendance = v.object({
  /** A process that began later goes by this name: nothing of it is the caller's any more. Go on under another name. */
  isReplaced: v.boolean(),
  /** Of those it said it holds: now somebody else's. Forget them and do not write. */
  lost: v.array(v.number()),
  /** Its from now on; `unattendedMs`: for how long nobody was, null when nobody knows. */
  taken: v.array(vEpoch.extend({ unattendedMs: v.union(v.number(), v.null()) })),
  /** More than its share: to be given back as soon as what is in flight is finished. */
  surplus: v.array(v.number()),
  /** When the first of the others' leases runs out, in ms from now; null when it is alone. */
  nextEndMs: v.union(v.number(), v.null()),
});

/** Where the event of a step comes from. */
export const vSource = v.union(
  /** A mailbox row; `eventId` of the step is its key. */
  v.object({ kind: v.literal("mail"), id: v.id("mailbox") }),
  /** An armed timer; `eventId` of the step is `timer:<timerId>:<armedSequence>`. */
  v.object({ kind: v.literal("timer"), timerId: v.string(), armedSequence: v.number() }),
);

/** Mail for another actor of the same project. Its key is `<sender>:<sequence>:<index>`, its cause the sender. */
export const vSend = v.object({ index: v.number(), to: v.string(), event: v.string() });

/** An effect to perform after the commit. Its id is `<actor>:<sequence>:<index>`. */
export const vEffect = v.object({
  index: v.number(),
  kind: v.string(),
  /** Frozen: the far side gets these bytes. */
  payload: v.string(),
  /** For kind `runTask`, and only there: the `agentRuns` row to make. `startedBy` is derived from the effect id. */
  run: v.union(v.object({ role: vRole, attempt: v.number(), round: v.number(), startedBy: v.string() }), v.null()),
});

/** A timer set (again), or cancelled when `dueAt` is null. One entry a timer id. `dueAt` in ms; it is armed by this step's sequence. */
export const vTimerChange = v.object({ timerId: v.string(), dueAt: v.union(v.number(), v.null()) });

/** What the board shows of the ticket, from the snapshot. */
export const vTicketCard = v.object({
  key: v.string(),
  title: v.string(),
  url: v.string(),
  priority: v.number(),
  labels: v.array(v.string()),
});

const projectColumns = {
  state: v.string(),
  category: vCategory,
  label: v.string(),
  mood: vMood,
  actions: v.array(v.string()),
  running: v.array(v.string()),
};
const featureColumns = {
  state: v.string(),
  hold: vHold,
  category: vCategory,
  column: vColumn,
  label: v.string(),
  mood: vMood,
  stage: v.union(vRole, v.null()),
  /** Whether the scheduler may admit it, and for which role: `ready` of the row is `wants !== null`. */
  wants: v.union(vRole, v.null()),
  reasons: v.array(vReason),
  failure: v.union(v.string(), v.null()),
  actions: v.array(v.string()),
  pullRequest: v.union(vPullRequest, v.null()),
  costUsd: v.number(),
};
const agentColumns = {
  state: v.string(),
  category: vCategory,
  column: vColumn,
  label: v.string(),
  mood: vMood,
  actions: v.array(v.string()),
  ended: v.boolean(),
  /** Why it ended or is being stopped, in one line. */
  reason: v.union(v.string(), v.null()),
  attempt: v.number(),
};
/** True when this step entered the leaf state: the row's `stateSince` becomes the step's `at`. */
const enteredState = v.optional(v.boolean());

/** What a step changed of the view of its actor: a feature's (its ticket's too) or an agent's columns that are left out stay as their row has them. */
export const vView = v.union(
  v.object({ kind: v.literal("project"), ...projectColumns }),
  v
    .object(featureColumns)
    .partial()
    .extend({ kind: v.literal("feature"), enteredState, ticket: v.optional(v.union(vTicketCard.partial(), v.null())) }),
  v
    .object(agentColumns)
    .partial()
    .extend({ kind: v.literal("agent"), enteredState }),
);

/** The view an actor is born with. A project is born by seeding, not by a step. */
export const vBirthView = v.union(
  v.object({ kind: v.literal("feature"), issueId: v.string(), branch: v.string(), ticket: vTicketCard, ...featureColumns }),
  v.object({ kind: v.literal("agent"), role: vRole, ...agentColumns }),
);

/**
 * A new actor with its initial transition. It starts at sequence 0, so its first effect ids are `<address>:0:<index>`.
 * An address that exists is left alone, with everything asked for here. What its initial transition spawns is a further entry
 * of the step's `spawns`, after its own.
 */
export const vSpawn = v.object({
  address: v.string(),
  machineVersion: v.string(),
  snapshot: v.string(),
  status: v.union(v.literal("active"), v.literal("done")),
  view: vBirthView,
  sends: v.array(vSend),
  effects: v.array(vEffect),
  timers: v.array(vTimerChange),
});

/**
 * One transition of one actor with everything it asked for, as it is sent: what is usual is left out ({@link wholeStep}), and what the
 * event's row says is not repeated.
 */
export const vStep = v.object({
  actor: v.string(),
  /** From `host.actors` or from the result of the step that spawned it. */
  actorId: v.id("actors"),
  /** The sequence the step was computed on; stored, it becomes `expectedSequence + 1`. */
  expectedSequence: v.number(),
  source: vSource,
  /** The event's key: consumed at most once per actor (H2). */
  eventId: v.string(),
  /** Of the event the step was computed on: what its row says by now must have it too. */
  eventType: v.string(),
  /** JSON of a timer's event, which has no row to be read from. Mail has one: not looked at (a host of an earlier build sends it). */
  event: v.optional(v.string()),
  /** Not looked at: a host of an earlier build sends it. */
  cause: v.optional(vCause),
  /** ms. */
  at: v.number(),
  /** Null: unchanged, as after an ignored event. */
  snapshot: v.union(v.string(), v.null()),
  /** Left out: the actor's row has the right one. */
  machineVersion: v.optional(v.string()),
  /** Left out: active. */
  status: v.optional(v.union(v.literal("active"), v.literal("done"))),
  /** Dotted leaf states, one per region, separated by a blank. */
  from: v.string(),
  /** Left out: as `from`. */
  to: v.optional(v.string()),
  /** Of these lists, an empty one is left out. */
  microsteps: v.optional(v.array(v.string())),
  actions: v.optional(v.array(v.string())),
  /** Left out: false. */
  ignored: v.optional(v.boolean()),
  view: v.union(vView, v.null()),
  sends: v.optional(v.array(vSend)),
  effects: v.optional(v.array(vEffect)),
  timers: v.optional(v.array(vTimerChange)),
  spawns: v.optional(v.array(vSpawn)),
});

const NONE = [] as const;

/** A step with all that was left out of it. */
export const wholeStep = (step: Step): WholeStep => ({
  ...step,
  machineVersion: step.machineVersion ?? null,
  status: step.status ?? "active",
  to: step.to ?? step.from,
  microsteps: step.microsteps ?? NONE,
  actions: step.actions ?? NONE,
  ignored: step.ignored ?? false,
  sends: step.sends ?? NONE,
  effects: step.effects ?? NONE,
  timers: step.timers ?? NONE,
  spawns: step.spawns ?? NONE,
});

/** A mailbox row that was written for the owner: what it needs to take the next step without reading. */
export const vPosted = v.object({ id: v.id("mailbox"), actor: v.string(), key: v.string() });

/** `created: false`: the address had an actor already; it was left alone. */
export const vSpawned = v.object({ address: v.string(), actorId: v.id("actors"), created: v.boolean() });

/** Mail with its event, which the host has not seen because Convex itself worked it out. */
export const vAnswer = v.object({ id: v.id("mailbox"), actor: v.string(), key: v.string(), event: v.string() });

/** How an effect has ended. */
export const vSettled = v.union(
  /** `mail`: the answer's row and, for an announcement, its messages. */
  v.object({ kind: v.literal("settled"), effectId: v.string(), mail: v.array(vAnswer) }),
  /** Settled before; `mail` lists what that made and is still unread. */
  v.object({ kind: v.literal("already"), effectId: v.string(), mail: v.array(vAnswer) }),
  v.object({ kind: v.literal("unknown"), effectId: v.string() }),
  /** Not settled: a launch that was accepted, and that nobody wants any more. Stop its task, then settle it as stopped. */
  v.object({ kind: v.literal("over"), effectId: v.string() }),
);

export const vStepResult = v.union(
  /**
   * `mail`: sends of the step and of the actors it created. `settled`: effects of theirs that this very commit has settled and nobody
   * must perform: launches that a budget refused, questions that the database answered.
   */
  v.object({
    kind: v.literal("stored"),
    sequence: v.number(),
    mail: v.array(vPosted),
    spawned: v.array(vSpawned),
    settled: v.array(vSettled),
  }),
  /**
   * The event was consumed before, by the step that made `sequence`. When that was this very step (a batch sent again), `mail` and
   * `spawned` list what it left behind, consumed mail omitted, and `settled` every effect that is over by now; else `replay` is false,
   * all are empty, and nothing of this step exists.
   */
  v.object({
    kind: v.literal("duplicate"),
    sequence: v.number(),
    replay: v.boolean(),
    mail: v.array(vPosted),
    spawned: v.array(vSpawned),
    settled: v.array(vSettled),
  }),
  /** The timer was cancelled or armed again since: drop it. */
  v.object({ kind: v.literal("stale") }),
);

/** The end of an effect. */
export const vSettlement = v.object({
  effectId: v.string(),
  state: v.union(v.literal("done"), v.literal("failed")),
  error: v.union(v.string(), v.null()),
  /** JSON of the event the actor gets, with key `effect:<effectId>`; null when the effect has no answer. */
  answer: v.union(v.string(), v.null()),
  /** For a `runTask` that was accepted: recorded on its run. `isStopped`: nobody wanted it any more, and its task has been stopped. */
  launch: v.union(v.object({ taskArn: v.string(), isStopped: v.boolean() }), v.null()),
});

/** An actor as the host loads it. */
export const vActor = v.object({
  id: v.id("actors"),
  address: v.string(),
  kind: vActorKind,
  shard: v.number(),
  machineVersion: v.string(),
  sequence: v.number(),
  snapshot: v.string(),
  status: vActorStatus,
  parkedReason: v.union(v.string(), v.null()),
});

/** A pending event. */
export const vMail = v.object({
  id: v.id("mailbox"),
  origin: vOrigin,
  actor: v.string(),
  key: v.string(),
  event: v.string(),
  cause: vCause,
  /** ms. */
  arrivedAt: v.number(),
});

export const vPendingEffect = v.object({
  effectId: v.string(),
  actor: v.string(),
  kind: v.string(),
  payload: v.string(),
  /** ms. */
  createdAt: v.number(),
});

export const vTimer = v.object({ actor: v.string(), timerId: v.string(), armedSequence: v.number(), dueAt: v.number() });

/**
 * Where the next page of `host.load` begins; pass what the last page gave, null for the first. `seen`: rows of the list on the pages
 * before, none when it is left out.
 */
export const vLoadCursor = v.object({
  part: v.union(v.literal("own"), v.literal("outside"), v.literal("effects"), v.literal("timers")),
  position: v.union(v.string(), v.null()),
  seen: v.optional(v.number()),
});

/** A first page may fill all three lists, a later one fills one of them; `next` is null on the last one. */
export const vLoadPage = v.object({
  mail: v.array(vMail),
  effects: v.array(vPendingEffect),
  timers: v.array(vTimer),
  next: v.union(vLoadCursor, v.null()),
});

export type Epoch = Infer<typeof vEpoch>;
export type Attendance = Infer<typeof vAttendance>;
export type Source = Infer<typeof vSource>;
export type Send = Infer<typeof vSend>;
export type Effect = Infer<typeof vEffect>;
export type TimerChange = Infer<typeof vTimerChange>;
export type TicketCard = Infer<typeof vTicketCard>;
export type View = Infer<typeof vView>;
export type BirthView = Infer<typeof vBirthView>;
export type Spawn = Infer<typeof vSpawn>;
export type Step = Infer<typeof vStep>;
/** What {@link wholeStep} gives. */
export interface WholeStep
  extends Pick<
    Step,
    "actor" | "actorId" | "expectedSequence" | "source" | "eventId" | "eventType" | "event" | "at" | "snapshot" | "from" | "view"
  > {
  /** Null: the actor's row has the right one. */
  readonly machineVersion: string | null;
  readonly status: "active" | "done";
  readonly to: string;
  readonly microsteps: readonly string[];
  readonly actions: readonly string[];
  readonly ignored: boolean;
  readonly sends: readonly Send[];
  readonly effects: readonly Effect[];
  readonly timers: readonly TimerChange[];
  readonly spawns: readonly Spawn[];
}
export type Posted = Infer<typeof vPosted>;
export type Spawned = Infer<typeof vSpawned>;
export type StepResult = Infer<typeof vStepResult>;
export type Settlement = Infer<typeof vSettlement>;
export type Answer = Infer<typeof vAnswer>;
export type Settled = Infer<typeof vSettled>;
export type Actor = Infer<typeof vActor>;
export type Mail = Infer<typeof vMail>;
export type PendingEffect = Infer<typeof vPendingEffect>;
export type Timer = Infer<typeof vTimer>;
export type LoadCursor = Infer<typeof vLoadCursor>;
export type LoadPage = Infer<typeof vLoadPage>;
