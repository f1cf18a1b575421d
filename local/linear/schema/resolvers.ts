// Gives every field of Linear's schema a resolver, by convention: a stored column, a row that `xId` points to, a list
// (fields.ts), something computed (computed.ts), or, for what this server does not keep, the emptiest valid value.
//   V1. Reading never fails for a field the SDK's fragments ask for, or whole objects would be lost for one of them.
//   V2. Root fields that are not covered are refused (queries.ts, operations.ts): nothing pretends to have been done.
import {
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isAbstractType,
  isEnumType,
  isListType,
  isNonNullType,
  isObjectType,
} from "graphql";
import { type Change, commit, type World } from "../domain/change.ts";
import { OPERATIONS } from "../domain/operations.ts";
import { notCovered } from "../errors.ts";
import type { Entity, User } from "../store/entities.ts";
import { widen } from "../store/store.ts";
import { COMPUTED } from "./computed.ts";
import { isEntityName, ownerName, SOURCES } from "./fields.ts";
import { compileFilter, sourceRows } from "./filter.ts";
import { type PageArguments, pageOf, pageOfRows } from "./page.ts";
import { QUERIES } from "./queries.ts";

/** What every resolver gets: the world and who asks. */
export interface RequestContext {
  readonly world: World;
  readonly schema: GraphQLSchema;
  readonly viewer: User;
}

export type Resolve = (
  parent: Readonly<Record<string, unknown>>,
  args: Readonly<Record<string, unknown>>,
  context: RequestContext,
) => unknown;

/** Attaches a resolver to every field. Call once per schema. */
export function attachResolvers(schema: GraphQLSchema): void {
  for (const type of Object.values(schema.getTypeMap())) {
    if (isAbstractType(type)) type.resolveType = (value: unknown) => typeNameOf(value);
    if (!isObjectType(type) || type.name.startsWith("__")) continue;
    for (const field of Object.values(type.getFields())) {
      // graphql's resolver type speaks of `any` parents; ours are rows and payloads.
      field.resolve = resolverOf(schema, type, field) as NonNullable<typeof field.resolve>;
    }
  }
}

function resolverOf(schema: GraphQLSchema, type: GraphQLObjectType, field: GraphQLField<unknown, unknown>): Resolve {
  if (type === schema.getMutationType()) return mutation(field);
  if (type === schema.getQueryType()) {
    return QUERIES[field.name] ?? (() => raise(notCovered(`The query "${field.name}"`)));
  }
  const computed = COMPUTED[`${ownerName(type.name)}.${field.name}`] ?? COMPUTED[`*.${field.name}`];
  const fallback = fallbackOf(field.type);
  const stored = computed ?? derived(type, field);
  return (parent, args, context) => {
    const own = parent[field.name];
    if (own !== undefined && own !== null) return own;
    return stored?.(parent, args, context) ?? fallback(parent);
  };
}

function mutation(field: GraphQLField<unknown, unknown>): Resolve {
  const operation = OPERATIONS.get(field.name);
  if (!operation) return () => raise(notCovered(`The mutation "${field.name}"`));
  // The arguments have passed validation against the very types the operation declares: see operations.ts.
  const run = operation as (change: Change, args: Readonly<Record<string, unknown>>) => object;
  return (_parent, args, { world, viewer }) => {
    const { result, lastSyncId } = commit(world, viewer, field.name, (change) => run(change, args));
    return { success: true, lastSyncId, ...result };
  };
}

/** What a field not stored under its own name is read from, if anything. */
function derived(type: GraphQLObjectType, field: GraphQLField<unknown, unknown>): Resolve | undefined {
  const named = getNamedType(field.type);
  const source = SOURCES[`${ownerName(type.name)}.${field.name}`];
  const isConnection = named.name.endsWith("Connection");
  if (source) {
    return (parent, args, context) => {
      const rows = sourceRows(context.world.store, source, parent as unknown as Entity); // only entities have sources
      if (!isConnection) return rows;
      const input = args.filter as Readonly<Record<string, unknown>> | null | undefined;
      const filter = input ? compileFilter(filterContext(context), source.type, input) : undefined;
      return pageOfRows(context.world.store, source.type, rows, filter, args as PageArguments);
    };
  }
  if (isConnection) return (_parent, args) => pageOf([], undefined, args as PageArguments);
  const target = named.name;
  if (isListType(getNullableType(field.type)) || !isEntityName(target)) return undefined;
  if (target === "Organization") return (_parent, _args, { world }) => [...world.store.tables.Organization.all()][0];
  return (parent, _args, { world }) => {
    const id = parent[`${field.name}Id`];
    return typeof id === "string" ? widen(world.store.tables)[target]!.get(id) : undefined;
  };
}

export const filterContext = ({ world, schema, viewer }: RequestContext) => ({
  schema,
  store: world.store,
  viewerId: viewer.id,
  now: world.now(),
});

const EMPTY_SCALARS: Readonly<Record<string, unknown>> = { Int: 0, Float: 0, Boolean: false, JSON: {}, JSONObject: {} };

/** The emptiest value a type allows (V1): null where it may be, else nothing, zero or the first of an enum. */
function fallbackOf(type: GraphQLOutputType): (parent: Readonly<Record<string, unknown>>) => unknown {
  if (!isNonNullType(type)) return () => null;
  const inner = getNullableType(type);
  if (isListType(inner)) return () => [];
  if (isEnumType(inner)) return () => inner.getValues()[0]?.value;
  if (isObjectType(inner)) return () => ({});
  if (inner.toString() === "DateTime") return (parent) => parent.createdAt ?? new Date(0).toISOString();
  const value = EMPTY_SCALARS[inner.toString()] ?? "";
  return () => value;
}

function typeNameOf(value: unknown): string {
  const name: unknown = typeof value === "object" && value !== null ? Reflect.get(value, "__typename") : undefined;
  if (typeof name === "string") return name;
  throw new Error("a value of an interface or union carries no __typename");
}

function raise(error: Error): never {
  throw error;
}
