// What happened, as the checker sees it: the tables of a deployment, what the far ends recorded, what was acknowledged to whom.
// Plain rows with the columns the checker looks at; whoever reads them (read-tables.ts, read-journals.ts) parses them.

export interface ActorRow {
  readonly address: string;
  readonly kind: string;
  readonly shard: number;
  readonly machineVersion: string;
  readonly sequence: number;
  /** JSON. */
  readonly snapshot: string;
  readonly status: string;
  readonly parkedReason: string | null;
  /** `<parent>:<sequence>`; null when seeding made it. */
  readonly bornOf: string | null;
}

/** In the order they were stored. */
export interface StepRow {
  readonly actor: string;
  readonly sequence: number;
  readonly eventId: string;
  /** JSON. */
  readonly event: string;
  readonly at: number;
  /** Of the owner that stored it; absent in rows older than that column. */
  readonly epoch?: number;
}

export interface MailRow {
  readonly actor: string;
  readonly key: string;
  readonly event: string;
}

export interface TimerRow {
  readonly actor: string;
  readonly timerId: string;
  readonly armedSequence: number;
  readonly dueAt: number;
}

export interface OutboxRow {
  readonly actor: string;
  readonly effectId: string;
  readonly kind: string;
  /** JSON, frozen. */
  readonly payload: string;
  readonly state: string;
}

export interface RunRow {
  readonly agent: string;
  readonly effectId: string;
  readonly startedBy: string;
  readonly state: string;
  readonly taskArn: string | null;
}

export interface ProjectRow {
  readonly address: string;
  /** As it was seeded with. */
  readonly settings: unknown;
}

export interface FeatureRow {
  readonly address: string;
  readonly issueId: string;
  readonly branch: string;
  readonly state: string;
}

export interface DeliveryRow {
  readonly source: string;
  readonly deliveryId: string;
  readonly outcome: string;
}

export interface Tables {
  readonly projects: readonly ProjectRow[];
  readonly actors: readonly ActorRow[];
  readonly features: readonly FeatureRow[];
  readonly transitions: readonly StepRow[];
  readonly mailbox: readonly MailRow[];
  readonly timers: readonly TimerRow[];
  readonly outbox: readonly OutboxRow[];
  readonly agentRuns: readonly RunRow[];
  readonly webhookDeliveries: readonly DeliveryRow[];
}

export type TableName = keyof Tables;

/** One accepted change at a far end. */
export interface Launch {
  readonly seq: number;
  readonly isNew: boolean;
  readonly clientToken: string | null;
  readonly startedBy: string | null;
  readonly overridesHash: string;
}

export interface Started {
  readonly seq: number;
  readonly taskArn: string;
  readonly startedBy: string | null;
}

/** A pull request that Omakase closed. */
export interface Closing {
  readonly seq: number;
  readonly head: string;
}

export interface PullRequestMade {
  readonly seq: number;
  readonly head: string;
}

export interface Comment {
  readonly seq: number;
  readonly id: string;
}

/** A change of an issue's workflow state made by Omakase. */
export interface Move {
  readonly seq: number;
  readonly issueId: string;
  readonly to: string;
}

/** What the far ends wrote down of what Omakase did there. */
export interface FarEndRecords {
  readonly launches: readonly Launch[];
  readonly started: readonly Started[];
  readonly pullRequests: readonly PullRequestMade[];
  readonly closings: readonly Closing[];
  readonly comments: readonly Comment[];
  readonly moves: readonly Move[];
}

/** Something Omakase answered 2xx to: it said that it is stored. */
export type Acknowledged =
  | {
      readonly kind: "delivery";
      readonly source: "linear" | "github";
      readonly deliveryId: string;
      /** The key of the event it becomes, when it concerns anybody, begins with one of these. */
      readonly becomes: readonly string[];
    }
  /** `key` is the mailbox key that the event becomes. */
  | { readonly kind: "event"; readonly actor: string; readonly key: string }
  | { readonly kind: "task"; readonly startedBy: string; readonly taskArn: string; readonly lastStatus: string };

export interface History {
  readonly tables: Tables;
  readonly ends: FarEndRecords;
  readonly acknowledged: readonly Acknowledged[];
  /** Whether nothing more should happen: then nothing may be left over either. */
  readonly isAtRest: boolean;
  /** The deployment's clock when the tables were read, ms. */
  readonly now: number;
}

export type Invariant = "I1" | "I2" | "I3" | "I4" | "I5" | "I6" | "I7" | "I8" | "I9" | "H4" | "P5";

export interface Violation {
  readonly invariant: Invariant;
  readonly says: string;
  readonly actor: string | null;
  readonly sequence: number | null;
  readonly effectId: string | null;
}

export const violation = (
  invariant: Invariant,
  says: string,
  about: Partial<Pick<Violation, "actor" | "sequence" | "effectId">> = {},
): Violation => ({ invariant, says, actor: null, sequence: null, effectId: null, ...about });

/** For a person: "I4 org/p/f/coder-1 step 3 effect …: says". */
export const formatViolation = ({ invariant, says, actor, sequence, effectId }: Violation): string =>
  [invariant, actor ?? "", sequence === null ? "" : `step ${sequence}`, effectId === null ? "" : `effect ${effectId}`]
    .filter(Boolean)
    .join(" ")
    .concat(`: ${says}`);
