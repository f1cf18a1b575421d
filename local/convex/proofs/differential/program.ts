// A generated program: calls made one after another by one client, and its JSON form for files.
import { convexToJson, jsonToConvex, type Value } from "convex/values";
import type { Operand, QuerySpec, Step } from "../../fixtures/proofs/convex/program.ts";

export type { Answer, Expression, Operand, Outcome, QuerySpec, Step } from "../../fixtures/proofs/convex/program.ts";

export type Call =
  | { run: "query" | "mutation" | "action"; steps: Step[] }
  /** One page of reader `reader`. `from`, `until`: which of its cursors, counted from the first page asked for; null: none.
   *  `isForeign`: with a cursor of the other reader. */
  | {
      run: "page";
      reader: number;
      from: number | null;
      until: number | null;
      size: number;
      maxRows: number | null;
      isForeign: boolean;
    }
  /** A call the validator of its arguments or its result judges before and after. */
  | { run: "check"; place: "takes" | "gives"; shape: string; value: Operand };

export interface Program {
  readonly calls: Call[];
  /** The queries its page calls page through. */
  readonly readers: QuerySpec[];
}

/** Programs are Convex values: bigints, bytes and NaN survive. */
export const programToJson = (program: Program): string => `${JSON.stringify(convexToJson(toValue(program)), null, 1)}\n`;
export const programFromJson = (text: string): Program => jsonToConvex(JSON.parse(text)) as unknown as Program; // written by programToJson

/** The program as a value: without the fields that are undefined. */
const toValue = (program: Program): Value => withoutUndefined(program) as Value;

function withoutUndefined(value: unknown): unknown {
  if (typeof value !== "object" || value === null || value instanceof ArrayBuffer) return value;
  if (Array.isArray(value)) return value.map(withoutUndefined);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, element]) => element !== undefined)
      .map(([field, element]) => [field, withoutUndefined(element)]),
  );
}
