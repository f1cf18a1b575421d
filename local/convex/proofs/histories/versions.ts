// From reads to the order of versions of each list, and the anomalies that need no graph to be seen.
import type { Txn } from "./history.ts";

export type SimpleAnomaly =
  /** A read contradicts the transaction's own appends or earlier reads. */
  | "internal"
  /** A value nobody appended. */
  | "garbage read"
  /** A value stands twice in one list, or was appended twice. */
  | "duplicate"
  /** Two reads of a list of which neither begins with the other. */
  | "incompatible order"
  /** G1a: a value of an aborted transaction was seen. */
  | "aborted read"
  /** G1b: a list was seen between two appends of one transaction. */
  | "intermediate read";

export interface SimpleFinding {
  readonly anomaly: SimpleAnomaly;
  readonly txns: readonly number[];
  readonly text: string;
}

/** A read without the transaction's own appends at its end. */
export interface ExternalRead {
  readonly txn: Txn;
  readonly list: string;
  readonly seen: readonly number[];
}

export interface Versions {
  readonly findings: readonly SimpleFinding[];
  /** Of each list: its values in the order they were appended, as far as any read saw them. */
  readonly order: ReadonlyMap<string, readonly number[]>;
  /** Committed values no read ever saw. */
  readonly unseen: ReadonlyMap<string, readonly number[]>;
  readonly writerOf: (list: string, value: number) => Txn | undefined;
  readonly reads: readonly ExternalRead[];
}

export function versionsOf(txns: readonly Txn[]): Versions {
  const findings: SimpleFinding[] = [];
  const find = (anomaly: SimpleAnomaly, ids: readonly (number | undefined)[], text: string) =>
    void findings.push({ anomaly, txns: ids.filter((id) => id !== undefined), text });
  const writers = new Map<string, Map<number, Txn>>();
  for (const txn of txns) {
    for (const each of txn.operations) {
      if (each.kind !== "append") continue;
      const ofList = writers.get(each.list) ?? new Map<number, Txn>();
      writers.set(each.list, ofList);
      const other = ofList.get(each.value);
      if (other !== undefined) find("duplicate", [other.id, txn.id], `${each.value} is appended to ${each.list} twice`);
      ofList.set(each.value, txn);
    }
  }
  const writerOf = (list: string, value: number) => writers.get(list)?.get(value);

  const reads = txns.filter(({ outcome }) => outcome === "committed").flatMap((txn) => externalReads(txn, find));
  const longest = new Map<string, ExternalRead>();
  for (const read of reads) {
    if (read.seen.length > (longest.get(read.list)?.seen.length ?? -1)) longest.set(read.list, read);
  }
  for (const read of reads) judge(read, longest.get(read.list) ?? read, writerOf, find);

  const order = new Map([...longest].map(([list, { seen }]) => [list, seen]));
  const unseen = new Map<string, number[]>();
  for (const [list, ofList] of writers) {
    const seen = new Set(order.get(list));
    const missing = [...ofList].filter(([value, { outcome }]) => outcome === "committed" && !seen.has(value));
    unseen.set(
      list,
      missing.map(([value]) => value),
    );
  }
  return { findings, order, unseen, writerOf, reads };
}

type Find = (anomaly: SimpleAnomaly, txns: readonly (number | undefined)[], text: string) => void;

function externalReads(txn: Txn, find: Find): ExternalRead[] {
  const reads: ExternalRead[] = [];
  const own = new Map<string, number[]>();
  const known = new Map<string, readonly number[]>();
  for (const each of txn.operations) {
    const mine = own.get(each.list) ?? [];
    if (each.kind === "append") {
      own.set(each.list, [...mine, each.value]);
      continue;
    }
    const outside = each.seen.slice(0, each.seen.length - mine.length);
    const before = known.get(each.list);
    if (!isSame(each.seen.slice(outside.length), mine) || (before !== undefined && !isSame(before, outside))) {
      find(
        "internal",
        [txn.id],
        `it read ${each.list} as [${each.seen}] after it had read [${before ?? []}] and appended [${mine}]`,
      );
    }
    known.set(each.list, outside);
    reads.push({ txn, list: each.list, seen: outside });
  }
  return reads;
}

function judge(read: ExternalRead, longest: ExternalRead, writerOf: Versions["writerOf"], find: Find): void {
  const { txn, list, seen } = read;
  if (new Set(seen).size !== seen.length) find("duplicate", [txn.id], `it read ${list} as [${seen}]`);
  if (!isSame(longest.seen.slice(0, seen.length), seen)) {
    find("incompatible order", [txn.id, longest.txn.id], `${list} was read as [${seen}] and as [${longest.seen}]`);
  }
  for (const value of seen) {
    const writer = writerOf(list, value);
    if (writer === undefined) find("garbage read", [txn.id], `it read ${value} in ${list}, which nobody appended`);
    else if (writer.outcome === "aborted")
      find("aborted read", [writer.id, txn.id], `it read ${value} in ${list}, which was undone`);
  }
  const last = seen.at(-1);
  const writer = last === undefined ? undefined : writerOf(list, last);
  const appends = writer?.operations.filter((each) => each.kind === "append" && each.list === list) ?? [];
  const final = appends.at(-1);
  if (writer !== txn && final?.kind === "append" && final.value !== last) {
    find("intermediate read", [writer?.id, txn.id], `it read ${list} up to ${last}, in the middle of a transaction`);
  }
}

const isSame = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((value, at) => value === b[at]);
