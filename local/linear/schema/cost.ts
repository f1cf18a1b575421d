// What a query costs, counted as Linear documents it: 0.1 for a property, 1 for an object, and a connection multiplies
// what is inside it by the page asked for (50 when none is). Also how deep it goes, which bounds hostile queries.
import {
  type DocumentNode,
  type FieldNode,
  type GraphQLSchema,
  getNamedType,
  getOperationAST,
  isCompositeType,
  isInterfaceType,
  isObjectType,
  Kind,
  type SelectionSetNode,
} from "graphql";
import { DEFAULT_PAGE } from "./page.ts";

export interface Cost {
  /** Complexity points, rounded up. */
  readonly points: number;
  readonly depth: number;
  /** Names of the operation's root fields, for faults and refusals. */
  readonly rootFields: readonly string[];
}

export const MOST_POINTS = 10_000;
const DEEPEST = 20;
/** A query that unfolds to more fields than this is refused before it is counted to the end. */
const MOST_FIELDS = 50_000;

/** The query is too deep or unfolds to too many fields. */
export class QueryTooLargeError extends Error {
  readonly code = "QUERY_TOO_LARGE";
  override readonly name = "QueryTooLargeError";
}

/** Counts one operation of a valid document. @throws {QueryTooLargeError} */
export function costOf(
  schema: GraphQLSchema,
  document: DocumentNode,
  operationName: string | null | undefined,
  variables: Readonly<Record<string, unknown>>,
): Cost {
  const operation = getOperationAST(document, operationName);
  const root = operation && schema.getRootType(operation.operation);
  if (!operation || !root) return { points: 1, depth: 0, rootFields: [] };
  const fragments = new Map(
    document.definitions.flatMap((node) => (node.kind === Kind.FRAGMENT_DEFINITION ? [[node.name.value, node] as const] : [])),
  );
  const rootFields: string[] = [];
  let fieldsSeen = 0;
  let deepest = 0;

  const fieldCost = (parent: unknown, node: FieldNode, depth: number): number => {
    fieldsSeen += 1;
    if (fieldsSeen > MOST_FIELDS) throw new QueryTooLargeError(`The query asks for more than ${MOST_FIELDS} fields.`);
    const definition = isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[node.name.value] : undefined;
    const type = definition && getNamedType(definition.type);
    if (!node.selectionSet || !isCompositeType(type)) return 0.1;
    const size = type.name.endsWith("Connection") ? pageSize(node, variables) : 1;
    return 1 + size * setCost(type, node.selectionSet, depth);
  };

  const setCost = (parent: unknown, set: SelectionSetNode, depth: number): number => {
    if (depth > DEEPEST) throw new QueryTooLargeError(`The query is more than ${DEEPEST} levels deep.`);
    deepest = Math.max(deepest, depth);
    let points = 0;
    for (const node of set.selections) {
      if (node.kind === Kind.FIELD) {
        if (depth === 1) rootFields.push(node.name.value);
        points += fieldCost(parent, node, depth + 1);
      } else if (node.kind === Kind.INLINE_FRAGMENT) {
        const narrowed = node.typeCondition ? schema.getType(node.typeCondition.name.value) : parent;
        points += setCost(narrowed, node.selectionSet, depth);
      } else {
        const fragment = fragments.get(node.name.value);
        if (fragment) points += setCost(schema.getType(fragment.typeCondition.name.value), fragment.selectionSet, depth);
      }
    }
    return points;
  };

  const points = Math.ceil(setCost(root, operation.selectionSet, 1));
  return { points, depth: deepest, rootFields };
}

/** The page a connection field asks for, before anything has checked it. */
function pageSize(node: FieldNode, variables: Readonly<Record<string, unknown>>): number {
  for (const argument of node.arguments ?? []) {
    if (argument.name.value !== "first" && argument.name.value !== "last") continue;
    const { value } = argument;
    const size =
      value.kind === Kind.VARIABLE ? variables[value.name.value] : value.kind === Kind.INT ? Number(value.value) : undefined;
    if (typeof size === "number" && size > 0) return size;
  }
  return DEFAULT_PAGE;
}
