// Relay pages: `first`/`after` forwards, `last`/`before` backwards, newest first as Linear lists things.
// A cursor is the id of the row it stands at.
import { badArgument } from "../errors.ts";
import type { Entity, EntityName } from "../store/entities.ts";
import { type Store, widen } from "../store/store.ts";
import type { Order } from "../store/table.ts";
import type { Filter } from "./filter.ts";

export interface PageArguments {
  readonly first?: number | null;
  readonly after?: string | null;
  readonly last?: number | null;
  readonly before?: string | null;
  readonly includeArchived?: boolean | null;
  readonly orderBy?: string | null;
}

export interface Page<Row = Entity> {
  readonly nodes: readonly Row[];
  readonly edges: readonly { readonly cursor: string; readonly node: Row }[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
  };
}

export const DEFAULT_PAGE = 50;
const LARGEST_PAGE = 250;

/** A page of a whole table, filtered. Stops reading as soon as the page is full. */
export function pageOfTable(store: Store, type: EntityName, filter: Filter | undefined, args: PageArguments): Page {
  const table = widen(store.tables)[type]!;
  const order = orderOf(args);
  const rows = filter?.candidates ? table.sorted(filter.candidates, order) : table.newestFirst(order);
  return pageOf(rows, filter, args);
}

/** A page of the rows a parent lists, filtered. */
export function pageOfRows(
  store: Store,
  type: EntityName,
  rows: readonly Entity[],
  filter: Filter | undefined,
  args: PageArguments,
): Page {
  const ids = rows.map((row) => row.id);
  return pageOf(widen(store.tables)[type]!.sorted(ids, orderOf(args)), filter, args);
}

/** A page of rows that are in their order already. */
export function pageOf<Row extends Entity>(rows: Iterable<Row>, filter: Filter | undefined, args: PageArguments): Page<Row> {
  const isShown = (row: Row) => (args.includeArchived === true || row.archivedAt === null) && (filter?.test(row) ?? true);
  if (args.last != null || args.before != null) return backwards([...rows].filter(isShown), args);
  const size = sizeOf("first", args.first);
  const nodes: Row[] = [];
  let isPast = args.after == null;
  let hasNextPage = false;
  for (const row of rows) {
    if (!isPast) {
      isPast = row.id === args.after;
      continue;
    }
    if (!isShown(row)) continue;
    if (nodes.length === size) {
      hasNextPage = true;
      break;
    }
    nodes.push(row);
  }
  return finished(nodes, hasNextPage, args.after != null);
}

function backwards<Row extends Entity>(shown: readonly Row[], args: PageArguments): Page<Row> {
  if (args.first != null || args.after != null) throw badArgument("Use first and after, or last and before, not both.");
  const end = args.before == null ? shown.length : shown.findIndex((row) => row.id === args.before);
  const upTo = Math.max(0, end);
  const from = Math.max(0, upTo - sizeOf("last", args.last));
  return finished(shown.slice(from, upTo), upTo < shown.length, from > 0);
}

function finished<Row extends Entity>(nodes: readonly Row[], hasNextPage: boolean, hasPreviousPage: boolean): Page<Row> {
  return {
    nodes,
    edges: nodes.map((node) => ({ node, cursor: node.id })),
    pageInfo: { hasNextPage, hasPreviousPage, startCursor: nodes[0]?.id ?? null, endCursor: nodes.at(-1)?.id ?? null },
  };
}

const orderOf = (args: PageArguments): Order => (args.orderBy === "updatedAt" ? "updatedAt" : "createdAt");

function sizeOf(name: string, size: number | null | undefined): number {
  if (size == null) return DEFAULT_PAGE;
  if (size >= 1 && size <= LARGEST_PAGE) return size;
  throw badArgument(`${name} must be from 1 to ${LARGEST_PAGE}.`);
}
