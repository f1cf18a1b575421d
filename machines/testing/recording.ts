// What is kept of a version of a machine for ever (machines/recorded): a snapshot of every state its actors could be in, with an event
// and what it did, and histories of whole actors. Taken from the troubled stories, where everything happens.

import { type ActorKind, actorKind } from "../ids.ts";
import { type Asked, definitionHash, MACHINE_VERSIONS, MACHINES } from "../index.ts";
import { troubledStory } from "./troubled-story.ts";
import type { Taken } from "./world.ts";

/** The content of `<kind>.<version>.json`. */
export interface Recording {
  readonly kind: ActorKind;
  readonly version: string;
  /** `definitionHash` of what was recorded: a machine that changes afterwards needs a version of its own. */
  readonly hash: string;
  readonly states: readonly RecordedState[];
  readonly histories: readonly RecordedHistory[];
}

export interface RecordedStep {
  readonly event: { readonly type: string };
  /** The state value it led to. */
  readonly to: unknown;
  readonly asked: readonly Asked[];
}

export interface RecordedState extends RecordedStep {
  /** As it was stored when the event came. */
  readonly snapshot: string;
}

export interface RecordedHistory {
  readonly address: string;
  readonly input: unknown;
  readonly born: Omit<RecordedStep, "event">;
  readonly steps: readonly RecordedStep[];
}

const STORIES = 200;
const MAX_HISTORIES = 12;

/** Records the machines as they are. */
export function record(): Recording[] {
  const histories: Taken[][] = [];
  for (let seed = 1; seed <= STORIES; seed++) {
    const ofActor = new Map<string, Taken[]>();
    troubledStory(seed, (taken) => ofActor.set(taken.address, [...(ofActor.get(taken.address) ?? []), taken]));
    histories.push(...ofActor.values());
  }
  return (Object.keys(MACHINES) as ActorKind[]).map((kind) => {
    const ofKind = histories.filter(([first]) => first && actorKind(first.address) === kind);
    return {
      kind,
      version: MACHINE_VERSIONS[kind],
      hash: definitionHash(MACHINES[kind]),
      states: statesIn(ofKind),
      histories: telling(ofKind).map(historyOf),
    };
  });
}

/** The state value of a stored snapshot. */
export const stateValueIn = (snapshot: string): unknown => (JSON.parse(snapshot) as { value: unknown }).value;

function statesIn(histories: readonly Taken[][]): RecordedState[] {
  const states = new Map<string, RecordedState>();
  for (const { event, before, after, asked } of histories.flat()) {
    if (!event) continue;
    const state = JSON.stringify(stateValueIn(before));
    const isMoving = after !== before;
    const known = states.get(state);
    // An event that does something tells more than one that is passed over.
    if (known && (!isMoving || JSON.stringify(known.to) !== state)) continue;
    states.set(state, { snapshot: before, event, to: stateValueIn(after), asked });
  }
  return [...states.values()];
}

/** Few histories in which everything happens that happens in all: each adds a state with an event that the others do not have. */
function telling(histories: readonly Taken[][]): Taken[][] {
  const known = new Set<string>();
  const chosen: Taken[][] = [];
  while (chosen.length < MAX_HISTORIES) {
    const news = (history: readonly Taken[]) => momentsOf(history).filter((moment) => !known.has(moment)).length;
    const best = histories.reduce((one, other) => (news(other) > news(one) ? other : one), []);
    if (news(best) === 0) break;
    for (const moment of momentsOf(best)) known.add(moment);
    chosen.push(best);
  }
  return chosen;
}

const momentsOf = (history: readonly Taken[]): string[] => [
  ...new Set(history.flatMap(({ before, event }) => (event ? `${JSON.stringify(stateValueIn(before))} ${event.type}` : []))),
];

function historyOf(history: readonly Taken[]): RecordedHistory {
  const [born, ...steps] = history;
  if (!born) throw new Error("An actor without a first step");
  const told = ({ after, asked }: Taken) => ({ to: stateValueIn(after), asked });
  return {
    address: born.address,
    input: born.input,
    born: told(born),
    steps: steps.map((taken) => ({ event: taken.event ?? { type: "" }, ...told(taken) })),
  };
}
