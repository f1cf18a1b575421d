// From the query JSON of the convex package to a plan: one index, one interval of it, a direction, the operators in order.
import { type Index, indexOf, scanIndex, type Table } from "./catalog.ts";
import { FunctionError } from "./errors.ts";
import { compileFilter, type Predicate } from "./expressions.ts";
import { encodeKey, endOfPrefix, type Key } from "./keys.ts";
import { isObject, type JsonObject, type JsonValue, kindOf } from "./values.ts";

export type Operator = { kind: "filter"; accepts: Predicate } | { kind: "limit"; count: number };

export type QueryPlan = {
  table: Table;
  index: Index;
  start: Key;
  end: Key;
  isDescending: boolean;
  operators: Operator[];
};

const MAX_OPERATORS = 256;

/** @param tableNamed gives the table a query names. @throws {FunctionError} naming what is wrong with the query */
export function planQuery(query: JsonValue, tableNamed: (name: string) => Table): QueryPlan {
  const source = isObject(query) ? query.source : undefined;
  const operators = isObject(query) ? query.operators : undefined;
  if (!isObject(source) || !Array.isArray(operators)) throw badQuery("it needs a source and operators");
  if (operators.length > MAX_OPERATORS) throw badQuery(`it has more than ${MAX_OPERATORS} operators`);
  return { ...planSource(source, tableNamed), operators: operators.map(planOperator) };
}

function planSource(source: JsonObject, tableNamed: (name: string) => Table): Omit<QueryPlan, "operators"> {
  const isDescending = source.order === "desc";
  switch (source.type) {
    case "FullTableScan": {
      if (typeof source.tableName !== "string") throw badQuery("it names no table");
      const table = tableNamed(source.tableName);
      return { table, index: scanIndex(table), isDescending, ...boundsOf([], "", []) };
    }
    case "IndexRange": {
      if (typeof source.indexName !== "string" || !Array.isArray(source.range)) throw badQuery("it names no index or no range");
      const [tableName = "", indexName = ""] = source.indexName.split(".");
      const table = tableNamed(tableName);
      const index = indexOf(table, indexName);
      if (!index) throw new FunctionError("IndexNotFoundError", `Index ${tableName}.${indexName} not found.`);
      const fields = index.paths.map((path) => path.join("."));
      return { table, index, isDescending, ...boundsOf(fields, source.indexName, source.range) };
    }
    case "Search":
      throw new FunctionError(
        "SearchNotSupported",
        "This deployment does not support text search: search indexes cannot be queried.",
      );
    default:
      throw badQuery(`its source type is ${JSON.stringify(source.type)}`);
  }
}

type RangeType = "Eq" | "Gt" | "Gte" | "Lt" | "Lte";
const RANGE_TYPES: ReadonlySet<string> = new Set(["Eq", "Gt", "Gte", "Lt", "Lte"]);

/** The interval of equalities on a prefix of the fields, then a lower and an upper bound on the next one. */
function boundsOf(fields: readonly string[], indexName: string, range: readonly JsonValue[]): { start: Key; end: Key } {
  const equals: (JsonValue | undefined)[] = [];
  let lower: { value: JsonValue | undefined; isInclusive: boolean } | null = null;
  let upper: { value: JsonValue | undefined; isInclusive: boolean } | null = null;
  for (const json of range) {
    const { type, fieldPath, value } = parseRange(json);
    const expected = fields[equals.length];
    if (fieldPath !== expected || (type === "Eq" && (lower || upper))) {
      throw wrongField(indexName, fields, fieldPath, expected);
    }
    if (type === "Eq") {
      equals.push(value);
    } else if (type === "Gt" || type === "Gte") {
      if (lower) throw twoBounds(indexName, "lower", fieldPath);
      lower = { value, isInclusive: type === "Gte" };
    } else {
      if (upper) throw twoBounds(indexName, "upper", fieldPath);
      upper = { value, isInclusive: type === "Lte" };
    }
  }
  const prefix = encodeKey(equals);
  const bound = (value: JsonValue | undefined) => encodeKey([...equals, value]);
  const start = lower ? (lower.isInclusive ? bound(lower.value) : endOfPrefix(bound(lower.value))) : prefix;
  const end = upper ? (upper.isInclusive ? endOfPrefix(bound(upper.value)) : bound(upper.value)) : endOfPrefix(prefix);
  return { start, end };
}

function parseRange(json: JsonValue): { type: RangeType; fieldPath: string; value: JsonValue | undefined } {
  if (!isObject(json) || typeof json.type !== "string" || typeof json.fieldPath !== "string" || json.value === undefined) {
    throw badQuery("a range expression needs type, fieldPath and value");
  }
  if (!RANGE_TYPES.has(json.type)) throw badQuery(`a range expression has type ${JSON.stringify(json.type)}`);
  const value = kindOf(json.value) === "undefined" ? undefined : json.value;
  return { type: json.type as RangeType, fieldPath: json.fieldPath, value }; // checked on the line above
}

function planOperator(json: JsonValue): Operator {
  if (isObject(json) && json.filter !== undefined) return { kind: "filter", accepts: compileFilter(json.filter) };
  const count = isObject(json) ? json.limit : undefined;
  if (typeof count !== "number" || !Number.isInteger(count) || count < 0)
    throw badQuery("an operator is neither a filter nor a limit");
  return { kind: "limit", count };
}

function badQuery(why: string): FunctionError {
  return new FunctionError("InvalidQuery", `This query cannot be run: ${why}.`);
}

function wrongField(index: string, fields: readonly string[], got: string, expected: string | undefined): FunctionError {
  return new FunctionError(
    "InvalidIndexRange",
    `Tried to query index ${index} but the query didn't use the index fields in order.\n` +
      `Index fields: [${fields.map((field) => JSON.stringify(field)).join(", ")}]\n` +
      `First incorrect field: ${JSON.stringify(got)}${expected === undefined ? "" : `, expected ${JSON.stringify(expected)}`}. ` +
      "Use equalities on the fields in order, then at most one field with a lower and an upper bound.",
  );
}

function twoBounds(index: string, which: "lower" | "upper", field: string): FunctionError {
  return new FunctionError(
    "InvalidIndexRange",
    `Already defined ${which} bound in index range of ${index}. Can't add another on ${JSON.stringify(field)}.`,
  );
}
