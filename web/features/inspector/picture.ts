// The actor system as the feed has told it so far: the latest state of each actor and the newest events. Pure and bounded.
//   P1. A step told twice counts once: the feed may repeat after a reconnect.
//   P2. At most MAX_EVENTS events and MAX_ACTORS actors are kept; what is left out is counted.

import type { LastStep } from "../statechart/active.ts";
import type { Frame, Seen } from "./frames.ts";

export const MAX_EVENTS = 2_000;
const MAX_ACTORS = 2_000;

export interface InspectedActor {
  readonly address: string;
  readonly parent: string | null;
  readonly name: string;
  readonly snapshot: Seen;
  readonly sequence: number;
  readonly lastStep: LastStep | null;
}

export interface InspectedEvent {
  readonly id: string;
  readonly address: string;
  readonly sequence: number;
  readonly at: number;
  readonly type: string;
  readonly source: string;
  readonly event: string;
}

export interface Picture {
  readonly actors: ReadonlyMap<string, InspectedActor>;
  /** Newest last. */
  readonly events: readonly InspectedEvent[];
  /** Events that made room for newer ones. */
  readonly dropped: number;
  /** Actors that found no room. */
  readonly leftOut: number;
  /** Whether the feed has said that something was missed. */
  readonly hasGap: boolean;
  /** Where to resume. */
  readonly after: string | null;
}

export const EMPTY_PICTURE: Picture = { actors: new Map(), events: [], dropped: 0, leftOut: 0, hasGap: false, after: null };

/** Takes frames in the order they came; the same picture when none of them says anything new. */
export function withFrames(picture: Picture, frames: readonly Frame[]): Picture {
  if (frames.length === 0) return picture;
  const actors = new Map(picture.actors);
  const events: InspectedEvent[] = [];
  const told = new Set(picture.events.map(({ id }) => id));
  let { leftOut, hasGap, after } = picture;
  for (const frame of frames) {
    switch (frame.kind) {
      case "ready":
        break;
      case "gap":
        hasGap = true;
        break;
      case "actor": {
        const { address, parent, name, snapshot, id } = frame;
        const known = actors.get(address);
        const sequence = sequenceOf(id);
        if (known && known.sequence > sequence) break;
        if (!known && actors.size >= MAX_ACTORS) leftOut++;
        else actors.set(address, { address, parent, name, snapshot, sequence, lastStep: known?.lastStep ?? null });
        break;
      }
      case "event": {
        const { kind: _kind, ...event } = frame;
        if (told.has(event.id)) break; // P1
        told.add(event.id);
        events.push({ ...event, sequence: sequenceOf(event.id) });
        break;
      }
      case "snapshot": {
        after = frame.id;
        const known = actors.get(frame.address);
        const sequence = sequenceOf(frame.id);
        if (!known || known.sequence > sequence) break;
        actors.set(frame.address, stepped(known, frame, sequence));
        break;
      }
      default:
        frame satisfies never;
    }
  }
  const all = [...picture.events, ...events];
  const surplus = Math.max(0, all.length - MAX_EVENTS);
  return { actors, events: all.slice(surplus), dropped: picture.dropped + surplus, leftOut, hasGap, after };
}

function stepped(
  known: InspectedActor,
  { snapshot, type }: Extract<Frame, { kind: "snapshot" }>,
  sequence: number,
): InspectedActor {
  const isNew = sequence > known.sequence;
  const hasContext =
    typeof snapshot.context === "object" && snapshot.context !== null && Object.keys(snapshot.context).length > 0;
  return {
    ...known,
    sequence,
    // A step whose row has moved on is told without its context: the last one known stays.
    snapshot: hasContext ? snapshot : { ...snapshot, context: known.snapshot.context },
    lastStep: isNew
      ? { eventType: type, from: leavesOf(known.snapshot.value), to: leavesOf(snapshot.value), microsteps: [] }
      : known.lastStep,
  };
}

/** The step of "<actor>@<sequence>"; 0 for anything else. */
const sequenceOf = (id: string): number => Number(/@(\d+)$/.exec(id)?.[1] ?? 0);

/** A state value as the log writes it: {work: {coder: "working"}, hold: "running"} is "work.coder.working hold.running". */
export function leavesOf(value: unknown): string {
  const leaves: string[] = [];
  const walk = (inner: unknown, path: string) => {
    if (typeof inner === "string") leaves.push(path === "" ? inner : `${path}.${inner}`);
    else if (typeof inner === "object" && inner !== null) {
      for (const [key, next] of Object.entries(inner)) walk(next, path === "" ? key : `${path}.${key}`);
    }
  };
  walk(value, "");
  return leaves.join(" ");
}
