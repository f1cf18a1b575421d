// Linear's filters, compiled once per query to a test on a row and, where an index helps, the few rows worth testing.
//   F1. A filter this server does not know is refused by name; it never silently matches everything.
//   F2. Candidates are a superset of what matches: the test always decides.
import { GraphQLError, type GraphQLSchema, getNamedType, isObjectType } from "graphql";
import { notCovered } from "../errors.ts";
import type { Entity, EntityName } from "../store/entities.ts";
import { type Store, widen } from "../store/store.ts";
import { comparator } from "./comparators.ts";
import { isEntityName, SOURCES, type Source } from "./fields.ts";

export interface Filter {
  readonly test: (row: Entity) => boolean;
  /** Ids to look at instead of the whole table (F2). */
  readonly candidates?: ReadonlySet<string>;
}

export interface FilterContext {
  readonly schema: GraphQLSchema;
  readonly store: Store;
  readonly viewerId: string;
  readonly now: Date;
}

type Input = Readonly<Record<string, unknown>>;

/** Compiles a filter of rows of `type`. @throws GraphQLError for a field that is not covered (F1) */
export function compileFilter(context: FilterContext, type: EntityName, input: Input): Filter {
  const parts = Object.entries(input)
    .filter(([, value]) => value != null)
    .map(([field, value]) => part(context, type, field, value));
  const candidates = parts.flatMap((each) => each.candidates ?? []).sort((left, right) => left.size - right.size)[0];
  return { test: (row) => parts.every((each) => each.test(row)), ...(candidates && { candidates }) };
}

function part(context: FilterContext, type: EntityName, field: string, value: unknown): Filter {
  if (field === "and" || field === "or") {
    const filters = (value as readonly Input[]).map((each) => compileFilter(context, type, each)); // a list in every filter input
    if (field === "or") return { test: (row) => filters.some((filter) => filter.test(row)) };
    const candidates = filters.find((filter) => filter.candidates)?.candidates;
    return { test: (row) => filters.every((filter) => filter.test(row)), ...(candidates && { candidates }) };
  }
  const input = value as Input; // every other field of a filter is an input object: GraphQL has checked it
  const special = SPECIAL[`${type}.${field}`];
  if (special) return special(context, input);
  const source = SOURCES[`${type}.${field}`];
  if (source) return collection(context, type, source, input);
  const objectType = context.schema.getType(type);
  const definition = isObjectType(objectType) ? objectType.getFields()[field] : undefined;
  const target = definition && getNamedType(definition.type);
  if (target && isObjectType(target)) {
    if (!isEntityName(target.name)) throw notCovered(`Filtering ${type} by "${field}"`);
    return object(context, type, `${field}Id`, target.name, input);
  }
  if (!definition) throw notCovered(`Filtering ${type} by "${field}"`);
  const test = comparator(input, context.now);
  const equal = input.eq;
  const table = widen(context.store.tables)[type]!;
  const isIndexed = typeof equal === "string" || typeof equal === "number";
  const candidates = isIndexed && table.hasIndex(field) ? table.idsBy(field as keyof Entity & string, equal) : undefined;
  return { test: (row) => test(Reflect.get(row, field)), ...(candidates && { candidates }) };
}

/** A filter on the one row that `column` points to. */
function object(context: FilterContext, type: EntityName, column: string, target: EntityName, input: Input): Filter {
  const { null: wantsNull, ...rest } = input;
  const targets = widen(context.store.tables)[target]!;
  const table = widen(context.store.tables)[type]!;
  const pointer = (row: Entity): unknown => Reflect.get(row, column);
  const isNull = (row: Entity) => pointer(row) == null;
  if (typeof wantsNull === "boolean" && Object.keys(rest).length === 0) return { test: (row) => isNull(row) === wantsNull };
  const filter = compileFilter(context, target, rest);
  if (target === "Issue" || target === "Comment") {
    const test = (row: Entity) => {
      const pointed = targets.get(String(pointer(row)));
      return pointed !== undefined && filter.test(pointed);
    };
    return { test: (row) => (wantsNull === true && isNull(row)) || test(row) };
  }
  // Few rows: find the ones that match now, and compare ids from here on.
  const matching = new Set([...targets.all()].filter((row) => filter.test(row)).map((row) => row.id));
  const test = (row: Entity) => (wantsNull === true && isNull(row)) || matching.has(String(pointer(row)));
  if (wantsNull === true || !table.hasIndex(column)) return { test };
  const candidates = new Set<string>();
  for (const id of matching) for (const owner of table.idsBy(column as keyof Entity & string, id)) candidates.add(owner);
  return { test, candidates };
}

/** A filter on a list: `some`, `every`, `length`, or plain fields, which mean `some`. */
function collection(context: FilterContext, type: EntityName, source: Source, input: Input): Filter {
  const { some, every, length, null: isEmpty, ...plain } = input;
  const rows = (owner: Entity): Entity[] => sourceRows(context.store, source, owner);
  const tests: ((owner: Entity) => boolean)[] = [];
  let candidates: ReadonlySet<string> | undefined;
  for (const wanted of [some as Input | undefined, Object.keys(plain).length > 0 ? plain : undefined]) {
    if (!wanted) continue;
    const filter = compileFilter(context, source.type, wanted);
    tests.push((owner) => rows(owner).some(filter.test));
    candidates ??= ownersOf(context, type, source, filter);
  }
  if (every) {
    const filter = compileFilter(context, source.type, every as Input);
    tests.push((owner) => rows(owner).every(filter.test));
  }
  if (typeof isEmpty === "boolean") tests.push((owner) => (rows(owner).length === 0) === isEmpty);
  if (length) {
    const test = comparator(length as Input, context.now);
    tests.push((owner) => test(rows(owner).length));
  }
  return { test: (owner) => tests.every((test) => test(owner)), ...(candidates && { candidates }) };
}

/** The owners that list a matching row, where the list is an indexed column of theirs (an issue's labels). */
function ownersOf(context: FilterContext, type: EntityName, source: Source, filter: Filter): ReadonlySet<string> | undefined {
  const table = widen(context.store.tables)[type]!;
  if (source.by !== "ids" || !table.hasIndex(source.column)) return undefined;
  const owners = new Set<string>();
  for (const row of widen(context.store.tables)[source.type]!.all()) {
    if (!filter.test(row)) continue;
    for (const id of table.idsBy(source.column as keyof Entity & string, row.id)) owners.add(id);
  }
  return owners;
}

/** The rows a connection of `owner` lists, oldest first. */
export function sourceRows(store: Store, source: Source, owner: Entity): Entity[] {
  const table = widen(store.tables)[source.type]!;
  switch (source.by) {
    case "column":
      return table.by(source.column as keyof Entity & string, owner.id);
    case "ids": {
      const wanted = (Reflect.get(owner, source.column) ?? []) as readonly string[];
      return wanted.flatMap((id) => table.get(id) ?? []);
    }
    case "all":
      return [...table.all()];
    default:
      source satisfies never;
      return [];
  }
}

const SPECIAL: Readonly<Record<string, (context: FilterContext, input: Input) => Filter>> = {
  "User.isMe": (context, input) => {
    const test = comparator(input, context.now);
    return { test: (row) => test(row.id === context.viewerId) };
  },
  "Issue.id": (context, input) => {
    // Issues answer to their identifiers as well as to their ids.
    const test = comparator(input, context.now);
    return { test: (row) => test(row.id) || test(Reflect.get(row, "identifier")) };
  },
  "Issue.searchableContent": (_context, input) => {
    const text = (row: Entity) => `${Reflect.get(row, "title")}\n${Reflect.get(row, "description") ?? ""}`.toLowerCase();
    const contains = typeof input.contains === "string" ? input.contains.toLowerCase() : undefined;
    const notContains = typeof input.notContains === "string" ? input.notContains.toLowerCase() : undefined;
    return {
      test: (row) =>
        (contains === undefined || text(row).includes(contains)) &&
        (notContains === undefined || !text(row).includes(notContains)),
    };
  },
  "Issue.hasBlockedByRelations": (context, input) => exists(input, (issue) => blocks(context.store, "relatedIssueId", issue.id)),
  "Issue.hasBlockingRelations": (context, input) => exists(input, (issue) => blocks(context.store, "issueId", issue.id)),
  "Issue.hasRelatedRelations": (context, input) => exists(input, (issue) => related(context.store, "related", issue.id)),
  "Issue.hasDuplicateRelations": (context, input) => exists(input, (issue) => related(context.store, "duplicate", issue.id)),
};

function exists(input: Input, has: (issue: Entity) => boolean): Filter {
  const wanted = typeof input.eq === "boolean" ? input.eq : typeof input.neq === "boolean" ? !input.neq : undefined;
  if (wanted === undefined) throw new GraphQLError("A relation filter needs eq or neq.");
  return { test: (issue) => has(issue) === wanted };
}

const OVER: ReadonlySet<string> = new Set(["completed", "canceled", "duplicate"]);

/** A block counts while the blocking issue is open: a finished one no longer holds anything up. */
function blocks(store: Store, column: "issueId" | "relatedIssueId", issueId: string): boolean {
  return store.tables.IssueRelation.by(column, issueId).some((relation) => {
    const blocker = relation.type === "blocks" ? store.get("Issue", relation.issueId) : undefined;
    return blocker !== undefined && !OVER.has(store.get("WorkflowState", blocker.stateId)?.type ?? "");
  });
}

function related(store: Store, type: string, issueId: string): boolean {
  const { IssueRelation } = store.tables;
  return [...IssueRelation.by("issueId", issueId), ...IssueRelation.by("relatedIssueId", issueId)].some(
    (relation) => relation.type === type,
  );
}
