// Where convex-test 0.0.60 and a deployment of ours answer differently, and why that is right. Nothing else may differ.
// Each entry has a witness, a program that meets it: an entry that explains nothing any more is red.
//   texts      both refuse, in other words: ours are Convex's (engine/errors.ts, engine/validators.test.ts say where from).
//              Where an object is expected convex-test looks into null, and says so in JavaScript's words.
//   semantics  convex-test does less than Convex documents.
import { compareValues, type Value } from "convex/values";
import type { Bound, Expression } from "../../fixtures/proofs/convex/program.ts";
import { documentedAnswer, operatorsOf, UNEVALUABLE } from "./documented-filter.ts";
import type { Call, Operand, Outcome, Program, Step } from "./program.ts";

export interface Difference {
  readonly call: Call;
  /** The innermost step; null: the call as a whole. */
  readonly step: Step | null;
  /** Of a page: which part of the answer. */
  readonly part: "rows" | "end" | "split" | null;
  readonly place: string;
  /** Of a page: the end it was given, if any. */
  readonly until: { readonly isEnd: boolean } | null;
  /** Of a filtered query: the rows it had to choose from. */
  readonly rows: readonly Value[] | null;
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
    witness: programOf(
      insert({}),
      mutate({ do: "delete", id: DOC }, { do: "patch", id: DOC, value: { a: 1 } }, { do: "delete", id: DOC }),
    ),
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
    explains: both(/^ArgumentValidationError: /, /^(Validator error: |null is not an object)/),
    witness: programOf(check("takes", "string", 1)),
  },
  {
    name: "texts: a result that does not fit",
    reason: "Convex says ReturnsValidationError, with path, value and validator.",
    explains: both(
      /^ReturnsValidationError: /,
      /^Return value validation failed for \w+ "checks:\w+":\n(Validator error: |null is not an object)/,
    ),
    witness: programOf(check("gives", "string", 1)),
  },
  {
    name: "texts: a document that does not fit",
    reason: "Convex names the table and the part of the document that breaks the schema.",
    explains: both(
      /^Failed to insert or update a document in table "\w+" because it does not match the schema: /,
      /^(Validator error: |null is not an object)/,
    ),
    witness: programOf(mutate({ do: "insert", table: "checked_string", value: { value: 1 } })),
  },
  {
    name: "texts: an index that is not there",
    reason: "Convex: Index <table>.<name> not found.",
    explains: both(/^Index \w+\.\w+ not found\.$/, /^Cannot use index "\w+" for table "\w+" because it is not declared/),
    witness: programOf(
      ask({ do: "query", query: { table: "items", index: { name: "by_z", range: [] } }, ending: { get: "first" } }),
    ),
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
  {
    name: "texts: a second page",
    reason: "Both allow one paginated query in a function; the deployment's text is shorter.",
    explains: both(/^This query or mutation function ran multiple paginated queries/, /^Only a single paginated query/),
    witness: programOf(
      ask(
        { do: "query", query: { table: "items" }, ending: { get: "page", count: 1 } },
        { do: "query", query: { table: "items" }, ending: { get: "page", count: 1 } },
      ),
    ),
  },
];

const hasRefused = (ours: RegExp) => (difference: Difference) =>
  ours.test(messageOf(difference.ours) ?? "\0") && "ok" in difference.theirs;

const FILTERS: KnownDifference[] = [
  {
    name: "filters: no negation",
    reason: "q.neg is part of Convex's filter builder; convex-test does not implement it.",
    explains: (difference) => isAsDocumented(difference, ["neg"]),
    witness: programOf(
      insert({ a: 1 }),
      ask(filtered({ op: "eq", args: [{ op: "neg", args: [{ field: "a" }] }, { value: -1 }] })),
    ),
  },
  {
    name: "filters: arithmetic of anything",
    reason:
      "Convex computes with two int64s or two float64s; convex-test with whatever JavaScript's operators make of two values.",
    explains: (difference) => isAsDocumented(difference, ["add", "sub", "mul", "div", "mod"]),
    witness: programOf(
      insert({ a: "1" }),
      ask(filtered({ op: "eq", args: [{ op: "add", args: [{ field: "a" }, { value: 1 }] }, { value: "11" }] })),
    ),
  },
  {
    name: "filters: order by JavaScript's operators",
    reason: "Convex orders any two values, a missing one included, as index keys are; convex-test uses < and > of JavaScript.",
    explains: (difference) => isAsDocumented(difference, ["lt", "lte", "gt", "gte"]),
    witness: programOf(insert({ a: "text" }), ask(filtered({ op: "gt", args: [{ field: "a" }, { value: 1 }] }))),
  },
];

const deep = (levels: number): Operand => (levels === 0 ? 1 : { x: deep(levels - 1) });

const DOCUMENTS: KnownDifference[] = [
  {
    name: "documents: names that belong to the system",
    reason: "Convex keeps names with an underscore to itself; convex-test stores them, and takes an insert's own _id.",
    explains: hasRefused(/^Field '_\w+' starts with an underscore/),
    witness: programOf(insert({ _owner: 1 })),
  },
  {
    name: "documents: too deep",
    reason: "Convex nests a document at most 16 deep; convex-test does not count.",
    explains: hasRefused(/^Value is nested too deeply \(maximum nesting 16\)$/),
    witness: programOf(insert({ a: deep(16) })),
  },
  {
    name: "documents: too long an array",
    reason: "Convex's arrays have at most 8192 elements; convex-test does not count.",
    explains: hasRefused(/^Array length is too long \(\d+ > maximum length 8192\)$/),
    witness: programOf(insert({ a: Array.from({ length: 8193 }, () => 0) })),
  },
  {
    name: "documents: too many fields",
    reason: "Convex's objects have at most 1024 fields; convex-test does not count.",
    explains: hasRefused(/^Object has too many fields \(\d+ > maximum number 1024\)$/),
    witness: programOf(insert({ a: Object.fromEntries(Array.from({ length: 1025 }, (_, at) => [`f${at}`, at])) })),
  },
  {
    name: "documents: too large",
    reason: "Convex's documents have at most 1 MiB; convex-test counts only when asked to.",
    explains: hasRefused(/^Value is too large \([\d.]+ MiB > maximum size 1 MiB\)$/),
    witness: programOf(insert({ a: "x".repeat(1 << 20) })),
  },
];

const IDS: KnownDifference[] = [
  {
    name: "ids: any text passes for one",
    reason:
      "Convex decodes every id it is given; convex-test looks the text up and finds nothing, unless the table is named too.",
    explains: hasRefused(/^Invalid argument `id` for `[\w.]+`: Unable to decode ID/),
    witness: programOf(ask({ do: "get", id: "none" })),
  },
  {
    name: "ids: db.system reaches every table",
    reason: "db.system is for system tables only; convex-test serves any document.",
    explains: hasRefused(/^User tables cannot be accessed with db\.system/),
    witness: programOf(insert({}), ask({ do: "systemGet", id: DOC })),
  },
  {
    name: "ids: db reaches system tables",
    reason: "Convex keeps db from system tables, and says so before it compares table names.",
    explains: ({ ours, theirs }) => /^System tables /.test(messageOf(ours) ?? "") && messageOf(ours) !== messageOf(theirs),
    witness: programOf(mutate({ do: "schedule", delayMs: 3_600_000, steps: [] }), ask({ do: "get", id: JOB })),
  },
];

const isPlain = (value: Operand): value is Record<string, Operand> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof ArrayBuffer);
const checked = ({ call, step }: Difference): { shape: string; value: Operand } | null => {
  if (step?.do === "check") return step;
  if (step?.do === "insert" && isPlain(step.value)) {
    return { shape: step.table.replace(/^checked_/, ""), value: step.value.value ?? null };
  }
  return call.run === "check" ? call : null;
};
const REFUSED_VALUE = /^(ArgumentValidationError|ReturnsValidationError): |because it does not match the schema: /;

const VALIDATORS: KnownDifference[] = [
  {
    name: "validators: records are not checked",
    reason: "convex-test has no case for v.record and lets everything pass.",
    explains: (difference) => {
      const { shape, value } = checked(difference) ?? {};
      if (value === undefined || !hasRefused(REFUSED_VALUE)(difference)) return false;
      // Keys of a `recordOfIds` are ids; the generator has only others.
      if (shape === "recordOfIds") return !isPlain(value) || Object.keys(value).length > 0;
      return (
        shape === "record" &&
        (!isPlain(value) || "~doc" in value || Object.values(value).some((each) => typeof each !== "number"))
      );
    },
    witness: programOf(check("takes", "record", { a: "text" })),
  },
  {
    name: "validators: an int64 literal matches nothing",
    reason: "convex-test compares the value with the literal's JSON form, which is an object.",
    explains: (difference) => {
      const { shape, value } = checked(difference) ?? {};
      return shape === "bigLiteral" && value === 3n && "ok" in difference.ours && "error" in difference.theirs;
    },
    witness: programOf(check("takes", "bigLiteral", 3n)),
  },
];

function changesWhenDecodedAgain(data: Value): boolean {
  if (typeof data === "bigint" || data instanceof ArrayBuffer) return true;
  if (typeof data !== "object" || data === null) return false;
  return Object.values(data).some((each) => changesWhenDecodedAgain(each ?? null));
}

const ERRORS: KnownDifference[] = [
  {
    name: "errors: a thrown text is lost on its way to the caller",
    reason: "Convex tells a caller what was thrown, error or not; convex-test passes on the message of something that has none.",
    explains: ({ step, ours, theirs }) =>
      (step?.do === "call" || step === null) && "error" in ours && messageOf(theirs) === "" && messageOf(ours) !== "",
    witness: programOf(
      mutate({
        do: "call",
        kind: "query",
        steps: [{ do: "risk", step: { do: "throw", thrown: { kind: "text", text: "words" } } }],
      }),
    ),
  },
  {
    name: "errors: data with an int64 or bytes is decoded twice",
    reason: "convex-test decodes a nested ConvexError's data and then lets the package decode it again.",
    explains: ({ ours, theirs }) => "error" in ours && "error" in theirs && changesWhenDecodedAgain(ours.error.data ?? null),
    witness: programOf(
      mutate({
        do: "call",
        kind: "query",
        steps: [{ do: "risk", step: { do: "throw", thrown: { kind: "ConvexError", data: 1n } } }],
      }),
    ),
  },
];

type Job = { _id: Value; name: string; state: { kind: string; error?: Value }; completedTime?: Value };
const isJob = (value: Value): value is Job & Record<string, Value> =>
  isPlain(value) && "state" in value && "scheduledTime" in value;
const jobsOf = (outcome: Outcome): Job[] => ("ok" in outcome ? [outcome.ok].flat().filter(isJob) : []);
/** A job without what convex-test does not write down. */
const bareJob = ({ completedTime: _, state, name, ...rest }: Job): Value => ({
  ...rest,
  name: name.replace(".js:", ":"),
  state: { kind: state.kind },
});
const sameJobs = ({ step, ours, theirs }: Difference, adapt: (job: Job, other: Job | undefined) => Job = (job) => job) => {
  if (step?.do !== "jobs" && step?.do !== "systemGet") return false;
  const [left, right] = [jobsOf(ours), jobsOf(theirs)];
  if (left.length === 0 || left.length !== right.length) return false;
  return (
    compareValues(
      left.map(bareJob),
      right.map((job, at) => bareJob(adapt(job, left[at]))),
    ) === 0
  );
};
const NOW: Step = { do: "schedule", delayMs: 0, steps: [] };

const JOBS: KnownDifference[] = [
  {
    name: "jobs: rows say less",
    reason: "Convex's rows name the module's file, say when the function ended, and why it failed.",
    explains: (difference) => sameJobs(difference),
    witness: programOf(mutate(NOW), ask({ do: "systemGet", id: JOB })),
  },
  {
    name: "jobs: one that ended can still be cancelled",
    reason: "Cancelling a function that has ended changes nothing on Convex; convex-test marks it cancelled all the same.",
    explains: (difference) =>
      sameJobs(difference, (job, other) =>
        job.state.kind === "canceled" && other !== undefined && ["success", "failed"].includes(other.state.kind)
          ? { ...job, state: { kind: other.state.kind } }
          : job,
      ),
    witness: programOf(mutate(NOW), mutate({ do: "cancel", id: JOB }), ask({ do: "jobs" })),
  },
];

type End = { isDone: boolean; rows: number };
const endsOf = ({ part, ours, theirs }: Difference): { ours: End; theirs: End } | null =>
  part === "end" && "ok" in ours && "ok" in theirs ? { ours: ours.ok as End, theirs: theirs.ok as End } : null;
type Split = { pageStatus: string | null };

const PAGES: KnownDifference[] = [
  {
    name: "pages: a full last page looks ahead",
    reason: "A page never reads past its last row (Q3), so that a later insert does not concern it; convex-test knows all rows.",
    explains: (difference) => {
      const ends = endsOf(difference);
      const isFull = ends !== null && ends.ours.rows === ends.theirs.rows && ends.ours.rows === pageCall(difference)?.size;
      return isFull && difference.until === null && !ends.ours.isDone && ends.theirs.isDone;
    },
    witness: paging(insert({ a: 1 }, { a: 2 }), page({ size: 2 })),
  },
  {
    name: "pages: a given end is forgotten",
    reason:
      "A page with an endCursor ends there (Q2) and is done only if that is the end; convex-test is done as soon as no row stands there.",
    explains: (difference) => difference.until !== null && endsOf(difference)?.ours.isDone === difference.until.isEnd,
    witness: paging(
      THREE,
      page({ size: 2 }),
      mutate({ do: "delete", id: { "~doc": 1 } }, { do: "delete", id: { "~doc": 2 } }),
      page({ until: 0 }),
    ),
  },
  {
    name: "pages: where to split",
    reason:
      "Convex gives the middle of what it read and advises on its budget; convex-test only when it read more than it returned.",
    explains: ({ part, ours, theirs }) =>
      part === "split" &&
      "ok" in ours &&
      "ok" in theirs &&
      ((ours.ok as Split).pageStatus === "SplitRequired") === ((theirs.ok as Split).pageStatus === "SplitRequired"),
    witness: paging(THREE, page({ size: 2 })),
  },
  {
    name: "pages: a cursor serves any query",
    reason: "A cursor belongs to its query (P1): usePaginatedQuery starts over on this very error; convex-test takes any.",
    explains: (difference) =>
      pageCall(difference)?.isForeign === true && (messageOf(difference.ours)?.startsWith("InvalidCursor: ") ?? false),
    witness: paging(THREE, page({ size: 2 }), page({ reader: 1, from: 0, isForeign: true })),
  },
];

/** The filter has one of these operators, and our answer is what the documentation says of these rows. */
function isAsDocumented({ step, rows, ours }: Difference, operators: readonly string[]): boolean {
  if (rows === null || step?.do !== "query" || step.query.filter === undefined) return false;
  if (!operatorsOf(step.query.filter).some((operator) => operators.includes(operator))) return false;
  const documented = documentedAnswer(rows, step.query.filter, step.ending);
  if (documented === UNEVALUABLE) return "error" in ours;
  if ("error" in documented) return messageOf(ours)?.startsWith(documented.error.message) ?? false;
  return "ok" in ours && compareValues(ours.ok, documented.ok) === 0;
}

export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  ...TEXTS,
  ...FILTERS,
  ...DOCUMENTS,
  ...IDS,
  ...VALIDATORS,
  ...ERRORS,
  ...JOBS,
  ...PAGES,
];
