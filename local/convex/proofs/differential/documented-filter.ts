// What a filter gives by Convex's documentation: comparisons follow the order of index keys, a missing field included, and
// arithmetic wants two doubles or two int64s. Written apart from the engine, to judge between it and convex-test.
import { compareValues, type Value } from "convex/values";
import type { Ending, Expression, Outcome } from "../../fixtures/proofs/convex/program.ts";

/** The filter cannot be evaluated. Which words a deployment finds for it is its own affair. */
class Unevaluable extends Error {}

export const UNEVALUABLE = "unevaluable";

/** The answer of a filtered query, given the rows it had to choose from, in order. */
export function documentedAnswer(rows: readonly Value[], filter: Expression, ending: Ending): Outcome | typeof UNEVALUABLE {
  const wanted =
    ending.get === "first" ? 1 : ending.get === "unique" ? 2 : "count" in ending ? ending.count : Number.POSITIVE_INFINITY;
  const found: Value[] = [];
  try {
    for (const row of rows) {
      if (isTrue(evaluate(filter, row))) found.push(row);
      if (found.length >= wanted) break; // rows after the last one wanted are not looked at
    }
  } catch (error) {
    if (error instanceof Unevaluable) return UNEVALUABLE;
    throw error;
  }
  switch (ending.get) {
    case "first":
      return { ok: found[0] ?? null };
    case "count":
      return { ok: found.length };
    case "unique":
      return found.length > 1 ? { error: { message: "unique() query returned more than one result" } } : { ok: found[0] ?? null };
    default:
      return { ok: found };
  }
}

function evaluate(expression: Expression, row: Value): Value | undefined {
  if ("field" in expression) return expression.field.split(".").reduce<Value | undefined>(step, row);
  if ("value" in expression) return isMissing(expression.value) ? undefined : expression.value;
  const [first, second] = expression.args;
  const value = (argument: Expression | undefined) => (argument === undefined ? undefined : evaluate(argument, row));
  const order = () => compareValues(value(first), value(second));
  switch (expression.op) {
    case "eq":
      return order() === 0;
    case "neq":
      return order() !== 0;
    case "lt":
      return order() < 0;
    case "lte":
      return order() <= 0;
    case "gt":
      return order() > 0;
    case "gte":
      return order() >= 0;
    case "and":
      return expression.args.every((each) => isTrue(evaluate(each, row)));
    case "or":
      return expression.args.some((each) => isTrue(evaluate(each, row)));
    case "not":
      return !isTrue(value(first));
    case "neg":
      return arithmetic("neg", value(first), value(first));
    default:
      return arithmetic(expression.op, value(first), value(second));
  }
}

type Operation = "add" | "sub" | "mul" | "div" | "mod" | "neg";

function arithmetic(operation: Operation, a: Value | undefined, b: Value | undefined): Value {
  if (typeof a === "number" && typeof b === "number") {
    return { add: a + b, sub: a - b, mul: a * b, div: a / b, mod: a % b, neg: -a }[operation];
  }
  if (typeof a !== "bigint" || typeof b !== "bigint") throw new Unevaluable(`${operation} of other things than two numbers`);
  if (b === 0n && (operation === "div" || operation === "mod")) throw new Unevaluable("division by zero");
  const isDivision = operation === "div" || operation === "mod";
  const result = isDivision ? (operation === "div" ? a / b : a % b) : { add: a + b, sub: a - b, mul: a * b, neg: -a }[operation];
  if (BigInt.asIntN(64, result) !== result) throw new Unevaluable("left the range of int64");
  return result;
}

const isTrue = (value: Value | undefined): boolean => Boolean(value);
const isMissing = (value: Value): boolean => isPlain(value) && "~missing" in value;
const step = (value: Value | undefined, field: string): Value | undefined =>
  value !== undefined && isPlain(value) && Object.hasOwn(value, field) ? value[field] : undefined;
const isPlain = (value: Value): value is Record<string, Value> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof ArrayBuffer);

/** Every operator of an expression. */
export function operatorsOf(expression: Expression): string[] {
  return "op" in expression ? [expression.op, ...expression.args.flatMap(operatorsOf)] : [];
}
