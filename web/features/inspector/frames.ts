// What the orchestrator says over `/inspect`: the shapes of @statelyai/inspect beside two of our own. Parsed once, here.

export type Frame =
  | { readonly kind: "ready" }
  /** More has happened while we were away than was told again. */
  | { readonly kind: "gap" }
  | {
      readonly kind: "actor";
      readonly address: string;
      readonly parent: string | null;
      readonly name: string;
      readonly id: string;
      readonly snapshot: Seen;
    }
  | {
      readonly kind: "event";
      readonly address: string;
      readonly id: string;
      readonly at: number;
      readonly source: string;
      readonly type: string;
      /** JSON, as it may be shown. */
      readonly event: string;
    }
  | {
      readonly kind: "snapshot";
      readonly address: string;
      readonly id: string;
      readonly at: number;
      readonly type: string;
      readonly snapshot: Seen;
    };

/** An actor's state as it may be shown. */
export interface Seen {
  readonly status: "active" | "done";
  readonly value: unknown;
  readonly context: unknown;
}

/** Null for what is no frame, or one of a kind that came later than this page. */
export function parseFrame(text: unknown): Frame | null {
  if (typeof text !== "string") return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isRecord(value)) return null;
  if (value.type === "omakase.ready") return { kind: "ready" };
  if (value.type === "omakase.gap") return { kind: "gap" };
  const { sessionId: address, id } = value;
  if (typeof address !== "string" || typeof id !== "string") return null;
  const at = Number(value.createdAt) || 0;
  const type = isRecord(value.event) && typeof value.event.type === "string" ? value.event.type : "unknown";
  switch (value.type) {
    case "@xstate.actor":
      return {
        kind: "actor",
        address,
        id,
        name: typeof value.name === "string" ? value.name : address,
        parent: typeof value.parentId === "string" ? value.parentId : null,
        snapshot: seen(value.snapshot),
      };
    case "@xstate.event":
      return {
        kind: "event",
        address,
        id,
        at,
        type,
        source: typeof value.sourceId === "string" ? value.sourceId : "unknown",
        event: JSON.stringify(value.event ?? null),
      };
    case "@xstate.snapshot":
      return { kind: "snapshot", address, id, at, type, snapshot: seen(value.snapshot) };
    default:
      return null;
  }
}

function seen(snapshot: unknown): Seen {
  if (!isRecord(snapshot)) return { status: "active", value: null, context: null };
  return { status: snapshot.status === "done" ? "done" : "active", value: snapshot.value, context: snapshot.context };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
