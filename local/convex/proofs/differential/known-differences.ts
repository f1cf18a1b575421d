// Where convex-test 0.0.60 and a deployment of ours answer differently, and why that is right. Nothing else may differ.
// Each entry has a witness, a program that meets it: an entry that explains nothing any more is red.
//   texts      both refuse, in other words: ours are Convex's (engine/errors.ts, engine/validators.test.ts say where from).
//   semantics  convex-test does less than Convex documents.
import { compareValues, type Value } from "convex/values";
import type { Bound, Expression } from "../../fixtures/proofs/convex/program.ts";
import { documentedAnswer, operatorsOf, UNEVALUABLE } from "./documented-filter.ts";
import type { Call, Operand, Outcome, Program, QuerySpec, Step } from "./program.ts";

export interface Difference {
  readonly call: Call;
  /** The innermost step; null: the call as a whole. */
  readonly step: Step | null;
  /** Of a page: which part of the answer. */
  readonly part: "rows" | "end" | "split" | null;
  readonly place: string;
  readonly ours: Outcome;
  readonly theirs: Outcome;
}

export interface KnownDifference {
  readonly name: string;
  readonly reason: string;
  readonly explains: (difference: Difference) => boolean;
  readonly witness: Program;
}

const messageOf = (outcome: Outcome): string | null => ("error" in outcome ? outcome.error.message : null);
const both = (ours: RegExp, theirs: RegExp) => (difference: Difference) =>
  ours.test(messageOf(difference.ours) ?? "\0") && theirs.test(messageOf(difference.theirs) ?? "\0");

const insert = (...values: Operand[]): Call => ({
  run: "mutation",
  steps: values.map((value) => ({ do: "insert", table: "items", value })),
});
const mutate = (...steps: Step[]): Call => ({ run: "mutation", steps });
const ask = (...steps: Step[]): Call => ({ run: "query", steps });
const programOf = (...calls: Call[]): Program => ({ calls, readers: [] });
const DOC: Operand = { "~doc": 0 };
const JOB: Operand = { "~job": 0 };
const filtered = (filter: Expression): Step => ({ do: "query", query: { table: "items", filter }, ending: { get: "collect" } });
const ranged = (...range: Bound[]): Step => ({
  do: "query",
  query: { table: "items", index: { name: "by_a_b", range } },
  ending: { get: "collect" },
});
const check = (place: "takes" | "gives", shape: string, value: Operand): Call => ({ run: "check", place, shape, value });

type PageCall = Call & { run: "page" };
const page = (call: Partial<PageCall>): Call => ({
  run: "page",
  reader: 0,
  from: null,
  until: null,
  size: 2,
  maxRows: null,
  isForeign: false,
  ...call,
});
const paging = (...calls: Call[]): Program => ({ calls, readers: [{ table: "items" }, { table: "items", order: "desc" }] });
const THREE = insert({ a: 1 }, { a: 2 }, { a: 3 });
const pageCall = ({ call }: Difference): PageCall | null => (call.run === "page" ? call : null);

const TEXTS: KnownDifference[] = [
  {
    name: "texts: a document that is not there",
    reason: "Convex: Update/Replace/Delete on nonexistent document ID.",
    explains: both(
      /^(Update|Replace|Delete) on nonexistent document ID \S/,
      /^(Patch|Replace) on non-existent document with ID|^Delete on non-existent doc$/,
    ),
    witness: programOf(insert({}), mutate({ do: "delete", id: DOC }, { do: "patch", id: DOC, value: { a: 1 } }, { do: "delete", id: DOC })),
  },
  {
    name: "texts: an id that is none",
    reason: "Convex names the function and says that the id cannot be decoded.",
    explains: both(
      /^Invalid argument `id` for `[\w.]+`: Unable to decode ID/,
      /^Invalid argument `id`, expected ID value but got|^(Patch|Replace) on non-existent document with ID|^Delete on non-existent doc$/,
    ),
    witness: programOf(mutate({ do: "delete", id: "none" }, { do: "get", id: "none", table: "items" })),
  },
  {
    name: "texts: arguments that do not fit",
    reason: "Convex says ArgumentValidationError, with path, value and validator.",
    explains: both(/^ArgumentValidationError: /, /^Validator error: /),
    witness: programOf(check("takes", "string", 1)),
  },
  {
    name: "texts: a result that does not fit",
    reason: "Convex says ReturnsValidationError, with path, value and validator.",
    explains: both(/^ReturnsValidationError: /, /^Return value validation failed for \w+ "checks:\w+":\nValidator error: /),
    witness: programOf(check("gives", "string", 1)),
  },
  {
    name: "texts: a document that does not fit",
    reason: "Convex names the table and the part of the document that breaks the schema.",
    explains: both(/^Failed to insert or update a document in table "\w+" because it does not match the schema: /, /^Validator error: /),
    witness: programOf(mutate({ do: "insert", table: "checked_string", value: { value: 1 } })),
  },
  {
    name: "texts: an index that is not there",
    reason: "Convex: Index <table>.<name> not found.",
    explains: both(/^Index \w+\.\w+ not found\.$/, /^Cannot use index "\w+" for table "\w+" because it is not declared/),
    witness: programOf(ask({ do: "query", query: { table: "items", index: { name: "by_z", range: [] } }, ending: { get: "first" } })),
  },
  {
    name: "texts: a range no index allows",
    reason: "Convex names the index, its fields and the first wrong one, or the bound given twice.",
    explains: both(
      /^Tried to query index \w+\.\w+ but the query didn't use the index fields in order|^Already defined (lower|upper) bound in index range/,
      /^Incorrect (field|operator) used in `withIndex`/,
    ),
    witness: programOf(ask(ranged({ op: "eq", field: "b", value: 1 }))),
  },
];

const SEMANTICS: KnownDifference[] = [
  {
    name: "filters compare by JavaScript's operators",
    reason: "Convex orders any two values, a missing one included, as index keys are; convex-test uses < and > of JavaScript.",
    explains: (difference) => isJudgedByDocumentation(difference, (operator) => ["lt", "lte", "gt", "gte"].includes(operator)),
    witness: programOf(insert({ a: "text" }), ask(filtered({ op: "gt", args: [{ field: "a" }, { value: 1 }] }))),
  },
];

function isJudgedByDocumentation({ step, ours, theirs }: Difference, concerns: (operator: string) => boolean): boolean {
  if (step?.do !== "query" || step.query.filter === undefined || !operatorsOf(step.query.filter).some(concerns)) return false;
  if (!("ok" in ours && "ok" in theirs)) return false;
  const [left, right] = [ours.ok, theirs.ok] as { rows: Value[]; result: Outcome }[];
  if (left === undefined || right === undefined || compareValues(left.rows, right.rows) !== 0) return false;
  const documented = documentedAnswer(left.rows, step.query.filter, step.ending);
  if (documented === UNEVALUABLE) return "error" in left.result;
  if ("error" in documented) return messageOf(left.result)?.startsWith(documented.error.message) ?? false;
  return "ok" in left.result && compareValues(left.result.ok, documented.ok) === 0;
}

export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [...TEXTS, ...SEMANTICS];
