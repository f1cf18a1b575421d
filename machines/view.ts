// What a person sees of an actor (P7): the vocabulary. Each machine has one pure function from its snapshot to one of these
// views; Convex projections, API, CLI and web all use it and nothing else.

import type { FeatureAddress } from "./ids.ts";
import type { Role } from "./roles.ts";

export const CATEGORIES = [
  "queued",
  "ready",
  "blocked",
  "working",
  "waitingForRetry",
  "needsYou",
  "paused",
  "failed",
  "done",
  "cancelled",
] as const;
export type Category = (typeof CATEGORIES)[number];

export const COLUMNS = ["queued", "architect", "code", "review", "test", "needsYou", "done", "failed", "cancelled"] as const;
export type Column = (typeof COLUMNS)[number];

/** A mascot's pose. */
export type Mood = "idle" | "thinking" | "working" | "testing" | "waiting" | "stuck" | "proud" | "failed" | "offline";

/** What every leaf state declares in its `meta`; a test fails on a leaf state without it. */
export interface StateMeta {
  readonly category: Category;
  readonly column: Column;
  /** The state in a person's words, sentence case: "Writing code", "Waiting for dependencies". */
  readonly label: string;
  readonly mood: Mood;
}

/** What the leaves of a feature's `hold` region declare. */
export interface HoldMeta {
  readonly hold: "running" | "draining" | "paused";
  readonly label: string;
}

/** An agent sits in the column of its role, which its state does not know. */
export type AgentStateMeta = Omit<StateMeta, "column">;
/** A project sits in no column. */
export type ProjectStateMeta = Omit<StateMeta, "column">;

/** What a person may ask of an actor: the type of an event meant for people. */
export type Action = "start" | "pause" | "resume" | "stop" | "retry" | "cancel" | "approve" | "reject" | "archive";

/** What may keep an actor from moving. A machine knows the first nine by itself; the rest is in the database (`convex/why.ts`). */
export const WAIT_KINDS = [
  "dependency",
  "slot",
  "role",
  "hold",
  "backOff",
  "approval",
  "person",
  "notStarted",
  "budget",
  "ownership",
  "capacity",
  "rateLimit",
  "farSide",
  "parked",
] as const;

/** One reason why an actor is not moving, in words, with what it waits for. */
export interface WaitReason {
  readonly kind: (typeof WAIT_KINDS)[number];
  readonly text: string;
}

export interface FeatureView extends StateMeta {
  /** Dotted path of the leaf state of the work region: "coder.working". */
  readonly state: string;
  readonly hold: HoldMeta["hold"];
  /** The stage being worked on or waited for. */
  readonly stage: Role | null;
  /** Whether the scheduler may admit it now, and for which role. */
  readonly wants: Role | null;
  readonly reasons: readonly WaitReason[];
  /** Set in `failing` and `needsHuman`. */
  readonly failure: string | null;
  /** Exactly the events of a person the machine accepts now. */
  readonly actions: readonly Action[];
}

export interface AgentView extends StateMeta {
  readonly state: string;
  readonly actions: readonly Action[];
  /** Whether the run is over. */
  readonly ended: boolean;
}

export interface ProjectView extends ProjectStateMeta {
  readonly state: string;
  readonly running: readonly FeatureAddress[];
  readonly actions: readonly Action[];
}
