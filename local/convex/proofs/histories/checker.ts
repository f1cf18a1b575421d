// Is a history strictly serialisable? After Elle (Kingsbury and Alvaro, VLDB 2020): lists that are appended to give away the order
// of their versions; dependencies between transactions make a graph; a cycle in it is an anomaly, and its edges say which one.
//   H1. Every finding is a proof: no strictly serialisable history has one.
//   H2. Edges of real time and of sessions are part of the graph: an answer that was right a moment ago is not good enough.
import { type EdgeKind, Graph, type Step } from "./graph.ts";
import type { Txn } from "./history.ts";
import { type SimpleFinding, type Versions, versionsOf } from "./versions.ts";

export type CycleAnomaly =
  /** Dirty write: two transactions wrote over each other in different orders. */
  | "G0"
  /** Circular information flow: each saw what the other wrote. */
  | "G1c"
  /** One anti-dependency: read skew, lost update. */
  | "G-single"
  /** Several anti-dependencies: write skew. */
  | "G2"
  /** Serialisable, but not in an order clients could have seen: a stale read, a lost append, a subscription that went back. */
  | "not strict";

export interface Finding {
  readonly anomaly: SimpleFinding["anomaly"] | CycleAnomaly;
  readonly txns: readonly number[];
  readonly text: string;
}

/** Everything wrong with a history: simple findings, and one cycle for each tangle of the worst kind there is. */
export function check(txns: readonly Txn[]): Finding[] {
  const versions = versionsOf(txns);
  const graph = graphOf(txns, versions);
  return [...versions.findings, ...cyclesOf(graph)];
}

function graphOf(txns: readonly Txn[], { order, unseen, writerOf, reads }: Versions): Graph {
  const graph = new Graph(txns.length);
  for (const [list, values] of order) {
    for (const [at, value] of values.entries()) {
      const [writer, next] = [writerOf(list, value), values[at + 1]];
      const after = next === undefined ? undefined : writerOf(list, next);
      if (writer && after) graph.add(writer.id, after.id, "ww", `${list}: ${value} stands before ${next}`);
    }
  }
  for (const { txn, list, seen } of reads) {
    const last = seen.at(-1);
    const writer = last === undefined ? undefined : writerOf(list, last);
    if (writer) graph.add(writer.id, txn.id, "wr", `${list}: ${last} was seen`);
    // Lists only grow: whoever did not see a value came before it.
    const next = order.get(list)?.[seen.length];
    for (const missed of next === undefined ? (unseen.get(list) ?? []) : [next]) {
      const later = writerOf(list, missed);
      if (later) graph.add(txn.id, later.id, "rw", `${list}: ${missed} was not seen`);
    }
  }
  for (const txn of txns) if (txn.follows !== undefined) graph.add(txn.follows, txn.id, "session", `${txn.client} saw it later`);
  addRealTime(graph, txns);
  return graph;
}

/** Edges enough that every "ended before the other began" is an edge or a path: from those that ended last before each began. */
function addRealTime(graph: Graph, txns: readonly Txn[]): void {
  const committed = txns.filter(({ outcome }) => outcome === "committed");
  const events = committed.flatMap((txn) => [
    ...(Number.isFinite(txn.invokedAtMs) ? [{ atMs: txn.invokedAtMs, isEnd: false, txn }] : []),
    { atMs: txn.completedAtMs, isEnd: true, txn },
  ]);
  events.sort((a, b) => a.atMs - b.atMs || Number(a.isEnd) - Number(b.isEnd)); // what happens at one instant is concurrent
  const frontier = new Set<number>();
  const before = new Map<number, number[]>();
  for (const { isEnd, txn } of events) {
    if (isEnd) {
      for (const superseded of before.get(txn.id) ?? []) frontier.delete(superseded);
      before.delete(txn.id);
      frontier.add(txn.id);
      continue;
    }
    before.set(txn.id, [...frontier]);
    for (const ended of frontier) graph.add(ended, txn.id, "realtime", "it had ended before the other began");
  }
}

const WW: ReadonlySet<EdgeKind> = new Set(["ww"]);
const WW_WR: ReadonlySet<EdgeKind> = new Set(["ww", "wr"]);
const DATA: ReadonlySet<EdgeKind> = new Set(["ww", "wr", "rw"]);
const ALL: ReadonlySet<EdgeKind> = new Set(["ww", "wr", "rw", "session", "realtime"]);

function cyclesOf(graph: Graph): Finding[] {
  for (const [kinds, name] of [
    [WW, "G0"],
    [WW_WR, "G1c"],
    [DATA, null],
    [ALL, "not strict"],
  ] as const) {
    const tangles = graph.tangles(kinds);
    if (tangles.length > 0) return tangles.map((tangle) => described(graph, tangle, kinds, name));
  }
  return [];
}

function described(graph: Graph, tangle: readonly number[], kinds: ReadonlySet<EdgeKind>, name: CycleAnomaly | null): Finding {
  const within = new Set(tangle);
  // One anti-dependency closed by dependencies is the worse anomaly: look for that first.
  const single = name === null ? cycleThroughRw(graph, within, WW_WR) : null;
  const cycle = single ?? cycleThroughRw(graph, within, kinds) ?? cycleThrough(graph, tangle[0] ?? 0, kinds, within);
  const text = cycle.map(({ from, kind, to, why }) => `${from} -${kind}-> ${to} (${why})`).join(", ");
  return { anomaly: name ?? (single === null ? "G2" : "G-single"), txns: cycle.map(({ from }) => from), text };
}

function cycleThroughRw(graph: Graph, within: ReadonlySet<number>, back: ReadonlySet<EdgeKind>): Step[] | null {
  for (const from of within) {
    for (const edge of graph.from(from, new Set(["rw"]))) {
      if (!within.has(edge.to)) continue;
      const rest = graph.path(edge.to, from, back, within);
      if (rest !== null) return [{ from, ...edge }, ...rest];
    }
  }
  return null;
}

function cycleThrough(graph: Graph, node: number, kinds: ReadonlySet<EdgeKind>, within: ReadonlySet<number>): Step[] {
  return graph.path(node, node, kinds, within) ?? [];
}
