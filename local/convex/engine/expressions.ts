// Filter expressions: from the JSON the convex package's filter builder makes to a function of a document.
// Comparison follows index order, a missing field included; arithmetic wants two doubles or two int64s.
import { FunctionError } from "./errors.ts";
import { compareValues } from "./order.ts";
import {
  bigintOf,
  doubleOf,
  eightBytes,
  int64Json,
  isObject,
  type JsonObject,
  type JsonValue,
  kindOf,
  valueAt,
} from "./values.ts";

type Evaluate = (document: JsonObject) => JsonValue | undefined;
export type Predicate = (document: JsonObject) => boolean;

const MAX_DEPTH = 256;

/** Compiles a filter once for many documents. @throws {FunctionError} on an expression this engine does not know */
export function compileFilter(expression: JsonValue): Predicate {
  const evaluate = compile(expression, 0);
  return (document) => isTruthy(evaluate(document));
}

function compile(expression: JsonValue, depth: number): Evaluate {
  if (depth > MAX_DEPTH) throw new FunctionError("BadFilter", `A filter is nested more than ${MAX_DEPTH} levels deep.`);
  const entries = isObject(expression) ? Object.entries(expression) : [];
  const [operator, operand] = entries[0] ?? [];
  if (entries.length !== 1 || operator === undefined || operand === undefined) throw unknownExpression(expression);
  const inner = (json: JsonValue) => compile(json, depth + 1);
  const pair = () => {
    const [left, right] = listOf(operand, expression, 2).map(inner);
    if (!left || !right) throw unknownExpression(expression);
    return { left, right };
  };
  switch (operator) {
    case "$field":
      return field(operand, expression);
    case "$literal":
      return literal(operand);
    case "$eq":
      return comparison(pair(), (order) => order === 0);
    case "$neq":
      return comparison(pair(), (order) => order !== 0);
    case "$lt":
      return comparison(pair(), (order) => order < 0);
    case "$lte":
      return comparison(pair(), (order) => order <= 0);
    case "$gt":
      return comparison(pair(), (order) => order > 0);
    case "$gte":
      return comparison(pair(), (order) => order >= 0);
    case "$and": {
      const all = listOf(operand, expression).map(inner);
      return (document) => all.every((each) => isTruthy(each(document)));
    }
    case "$or": {
      const any = listOf(operand, expression).map(inner);
      return (document) => any.some((each) => isTruthy(each(document)));
    }
    case "$not": {
      const negated = inner(operand);
      return (document) => !isTruthy(negated(document));
    }
    case "$neg": {
      const value = inner(operand);
      return (document) => arithmetic("neg", numberOf(value(document), "neg"), null);
    }
    case "$add":
    case "$sub":
    case "$mul":
    case "$div":
    case "$mod": {
      const { left, right } = pair();
      const name = operator.slice(1) as ArithmeticName; // one of the five cases above
      return (document) => arithmetic(name, numberOf(left(document), name), numberOf(right(document), name));
    }
    default:
      throw unknownExpression(expression);
  }
}

function field(path: JsonValue, expression: JsonValue): Evaluate {
  if (typeof path !== "string") throw unknownExpression(expression);
  const steps = path.split(".");
  return (document) => valueAt(document, steps);
}

function literal(value: JsonValue): Evaluate {
  const constant = kindOf(value) === "undefined" ? undefined : value;
  return () => constant;
}

function comparison({ left, right }: { left: Evaluate; right: Evaluate }, accepts: (order: number) => boolean): Evaluate {
  return (document) => accepts(compareValues(left(document), right(document)));
}

function listOf(operand: JsonValue, expression: JsonValue, length?: number): JsonValue[] {
  if (!Array.isArray(operand) || (length !== undefined && operand.length !== length)) throw unknownExpression(expression);
  return operand;
}

function unknownExpression(expression: JsonValue): FunctionError {
  return new FunctionError(
    "BadFilter",
    `Not a filter expression this deployment knows: ${JSON.stringify(expression).slice(0, 200)}`,
  );
}

/** JavaScript's truth, as developers expect of a filter that returns a field. */
function isTruthy(value: JsonValue | undefined): boolean {
  if (!isObject(value)) return Boolean(value);
  switch (kindOf(value)) {
    case "int64":
      return bigintOf(eightBytes(value.$integer, "$integer")) !== 0n;
    case "special": {
      const double = doubleOf(eightBytes(value.$float, "$float"));
      return !Number.isNaN(double) && double !== 0;
    }
    case "undefined":
      return false;
    default:
      return true;
  }
}

type ArithmeticName = "add" | "sub" | "mul" | "div" | "mod" | "neg";

function numberOf(value: JsonValue | undefined, operation: ArithmeticName): number | bigint {
  if (typeof value === "number") return value;
  if (isObject(value)) {
    const kind = kindOf(value);
    if (kind === "int64") return bigintOf(eightBytes(value.$integer, "$integer"));
    if (kind === "special") return doubleOf(eightBytes(value.$float, "$float"));
  }
  throw new FunctionError(
    "BadFilter",
    `Filter operation \`${operation}\` needs numbers, got ${JSON.stringify(value) ?? "undefined"}.`,
  );
}

function arithmetic(operation: ArithmeticName, left: number | bigint, right: number | bigint | null): JsonValue {
  if (right === null) return typeof left === "bigint" ? int64(-left) : double(-left);
  if (typeof left === "bigint" && typeof right === "bigint") {
    if (right === 0n && (operation === "div" || operation === "mod")) {
      throw new FunctionError("BadFilter", `Filter operation \`${operation}\` divides an int64 by zero.`);
    }
    return int64(calculate(operation, left, right));
  }
  if (typeof left === "number" && typeof right === "number") return double(calculateDoubles(operation, left, right));
  throw new FunctionError("BadFilter", `Filter operation \`${operation}\` needs two int64s or two float64s, not one of each.`);
}

function calculate(operation: ArithmeticName, a: bigint, b: bigint): bigint {
  switch (operation) {
    case "add":
      return a + b;
    case "sub":
    case "neg":
      return a - b;
    case "mul":
      return a * b;
    case "div":
      return a / b;
    case "mod":
      return a % b;
    default:
      return operation satisfies never;
  }
}

function calculateDoubles(operation: ArithmeticName, a: number, b: number): number {
  switch (operation) {
    case "add":
      return a + b;
    case "sub":
    case "neg":
      return a - b;
    case "mul":
      return a * b;
    case "div":
      return a / b;
    case "mod":
      return a % b;
    default:
      return operation satisfies never;
  }
}

function int64(value: bigint): JsonValue {
  if (BigInt.asIntN(64, value) !== value) throw new FunctionError("BadFilter", "A filter's arithmetic left the range of int64.");
  return int64Json(value);
}

function double(value: number): JsonValue {
  if (Number.isFinite(value) && !Object.is(value, -0)) return value;
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeDoubleLE(value);
  return { $float: bytes.toString("base64") };
}
