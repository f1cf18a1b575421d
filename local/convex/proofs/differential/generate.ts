// Random programs. Values are few and collide often; shapes of queries are many.
import fc from "fast-check";
import { SHAPES, type ShapeName } from "../../fixtures/proofs/convex/shapes.ts";
import type { Call, Expression, Operand, Program, QuerySpec, Step } from "./program.ts";

const bytes = (...list: number[]): ArrayBuffer => new Uint8Array(list).buffer;

/** Every type, and in each the values where order is easy to get wrong. */
const SCALARS: Operand[] = [
  null,
  true,
  false,
  0,
  -0,
  1,
  2.5,
  -3,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  0n,
  1n,
  -5n,
  2n ** 63n - 1n,
  -(2n ** 63n),
  "",
  "a",
  "ab",
  "b",
  "\u00e9",
  "\uffff",
  "\u{1f600}",
  bytes(),
  bytes(0),
  bytes(1, 255),
];
const scalar: fc.Arbitrary<Operand> = fc.constantFrom(...SCALARS);
/** A handful that meets itself again and again. */
const common: fc.Arbitrary<Operand> = fc.constantFrom<Operand[]>(0, 1, 2.5, "a", "b", null, 1n);
const composite: fc.Arbitrary<Operand> = fc.oneof(
  fc.array(scalar, { maxLength: 3 }),
  fc.dictionary(fc.constantFrom("x", "y"), scalar, { maxKeys: 2, noNullPrototype: true }),
);
const value = fc.oneof({ weight: 6, arbitrary: common }, { weight: 3, arbitrary: scalar }, { weight: 1, arbitrary: composite });
const MISSING: Operand = { "~missing": true };
const maybe = fc.oneof({ weight: 5, arbitrary: value }, { weight: 1, arbitrary: fc.constant(MISSING) });

const nth = fc.nat({ max: 30 });
const doc: fc.Arbitrary<Operand> = nth.map((at) => ({ "~doc": at }));
const created: fc.Arbitrary<Operand> = nth.map((at) => ({ "~created": at }));
const job: fc.Arbitrary<Operand> = nth.map((at) => ({ "~job": at }));
const anyId = fc.oneof(
  { weight: 12, arbitrary: doc },
  { weight: 1, arbitrary: job },
  { weight: 1, arbitrary: fc.constant("no id at all") },
);

/** Without a table's name convex-test would write over its own rows of scheduled functions. */
const writeId = fc.oneof({ weight: 12, arbitrary: doc }, { weight: 1, arbitrary: fc.constant("no id at all") });

const table = fc.constantFrom("items", "items", "items", "loose");
const plainFields = fc.record({ a: maybe, b: maybe, c: fc.oneof(fc.record({ d: maybe }), maybe) }, { requiredKeys: [] });
const nestedIn = (levels: number): Operand => (levels === 0 ? 1 : { x: nestedIn(levels - 1) });
/** Names and depths at the edge of what both sides take. What convex-test alone takes stands in known-differences.ts. */
const strangeFields: fc.Arbitrary<Record<string, Operand>> = fc.constantFrom<Record<string, Operand>[]>(
  { $a: 1 },
  { "\u00e9": 1 },
  { "tab\t": 1 },
  { a: { $b: 1 } },
  { a: { _inner: 1 } },
  { a: nestedIn(14) },
  { a: Array.from({ length: 8192 }, () => 0) },
);
const inserted = fc.oneof({ weight: 20, arbitrary: plainFields }, { weight: 1, arbitrary: strangeFields });
/** A change may repeat the system fields, if they stay what they are. */
const systemFields: fc.Arbitrary<Record<string, Operand>> = fc.oneof(
  doc.map((id) => ({ _id: id, a: "own id?" })),
  created.map((time) => ({ _creationTime: time, a: "own time?" })),
);
/** Fields of a patch or a replacement; a patch with a missing one removes it. */
const changed = fc.oneof({ weight: 8, arbitrary: inserted }, { weight: 1, arbitrary: systemFields });

type Index = { name: string; fields: string[] };
const INDEXES: Index[] = [
  { name: "by_a", fields: ["a"] },
  { name: "by_a_b", fields: ["a", "b"] },
  { name: "by_b_deep_a", fields: ["b", "c.d", "a"] },
  { name: "by_deep", fields: ["c.d"] },
];
const lower = fc.constantFrom("gt" as const, "gte" as const);
const upper = fc.constantFrom("lt" as const, "lte" as const);

type Range = NonNullable<QuerySpec["index"]>["range"];
/** Equalities on a prefix, then bounds on the next field. */
const range = ({ name, fields }: Index, operand: fc.Arbitrary<Operand>): fc.Arbitrary<NonNullable<QuerySpec["index"]>> =>
  fc
    .tuple(
      fc.array(operand, { maxLength: fields.length }),
      fc.option(fc.tuple(lower, operand), { nil: undefined }),
      fc.option(fc.tuple(upper, operand), { nil: undefined }),
    )
    .map(([equal, low, high]) => {
      const steps: Range = equal.map((each, at) => ({ op: "eq", field: fields[at] ?? "", value: each }));
      const next = fields[equal.length];
      if (next !== undefined && low) steps.push({ op: low[0], field: next, value: low[1] });
      if (next !== undefined && high) steps.push({ op: high[0], field: next, value: high[1] });
      return { name, range: steps };
    });
/** What no index allows: fields out of order, two lower bounds, an index that is not there. */
const wrongRange: fc.Arbitrary<NonNullable<QuerySpec["index"]>> = fc.constantFrom(
  { name: "by_a_b", range: [{ op: "eq", field: "b", value: 1 }] },
  {
    name: "by_a_b",
    range: [
      { op: "gt", field: "a", value: 1 },
      { op: "eq", field: "b", value: 1 },
    ],
  },
  {
    name: "by_a",
    range: [
      { op: "gt", field: "a", value: 1 },
      { op: "gte", field: "a", value: 2 },
    ],
  },
  {
    name: "by_a",
    range: [
      { op: "eq", field: "a", value: 1 },
      { op: "eq", field: "z", value: 1 },
    ],
  },
  { name: "by_nothing", range: [] },
);
const ownIndex = fc.oneof(...INDEXES.map((each) => range(each, maybe)));
const index = fc.oneof(
  { weight: 16, arbitrary: ownIndex },
  { weight: 2, arbitrary: range({ name: "by_creation_time", fields: ["_creationTime"] }, created) },
  { weight: 1, arbitrary: doc.map((id) => ({ name: "by_id", range: [{ op: "eq" as const, field: "_id", value: id }] })) },
  { weight: 1, arbitrary: wrongRange },
);

const field: fc.Arbitrary<Expression> = fc.constantFrom("a", "b", "c.d", "c", "z").map((path) => ({ field: path }));
const literal: fc.Arbitrary<Expression> = maybe.map((operand) => ({ value: operand }));
const number: fc.Arbitrary<Expression> = fc.oneof(
  { weight: 3, arbitrary: field },
  { weight: 2, arbitrary: fc.constantFrom<Expression[]>({ value: 1 }, { value: 2.5 }, { value: 1n }, { value: -5n }) },
);
const arithmetic: fc.Arbitrary<Expression> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      op: fc.constantFrom("add" as const, "sub" as const, "mul" as const, "div" as const, "mod" as const),
      args: fc.tuple(number, number),
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("neg" as const), args: fc.tuple(number) }) },
);
const term = fc.oneof({ weight: 6, arbitrary: field }, { weight: 5, arbitrary: literal }, { weight: 1, arbitrary: arithmetic });
const comparison: fc.Arbitrary<Expression> = fc.record({
  op: fc.constantFrom("eq" as const, "neq" as const, "lt" as const, "lte" as const, "gt" as const, "gte" as const),
  args: fc.tuple(term, term),
});
const { filter } = fc.letrec<{ filter: Expression }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    { weight: 5, arbitrary: comparison },
    { weight: 1, arbitrary: field },
    {
      weight: 2,
      arbitrary: fc.record({
        op: fc.constantFrom("and" as const, "or" as const),
        args: fc.array(tie("filter"), { maxLength: 3 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ op: fc.constant("not" as const), args: fc.tuple(tie("filter")) }) },
  ),
}));

/** Of pages only what both sides read alike: what a filter says is judged on whole results, which come with their rows. */
const plainComparison: fc.Arbitrary<Expression> = fc.record({
  op: fc.constantFrom("eq" as const, "neq" as const),
  args: fc.tuple(field, fc.oneof(field, literal)),
});
const plainFilter: fc.Arbitrary<Expression> = fc.oneof(
  plainComparison,
  fc.record({ op: fc.constantFrom("and" as const, "or" as const), args: fc.array(plainComparison, { maxLength: 2 }) }),
  fc.record({ op: fc.constant("not" as const), args: fc.tuple(plainComparison) }),
);

const order = fc.option(fc.constantFrom("asc" as const, "desc" as const), { nil: undefined });
const queryWith = (indexes: typeof index, filters: fc.Arbitrary<Expression | undefined>): fc.Arbitrary<QuerySpec> =>
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ table: fc.constant("items"), index: indexes, order, filter: filters }) },
    { weight: 1, arbitrary: fc.record({ table, order, filter: filters }) },
  );
const query = queryWith(index, fc.option(filter, { nil: undefined, freq: 2 }));
/** The same query whenever a page of it is read: nothing in it depends on what the program made so far. */
const wholeIndex = fc.constantFrom({ name: "by_creation_time", range: [] }, ...INDEXES.map(({ name }) => ({ name, range: [] })));
const reader = queryWith(fc.oneof(ownIndex, wholeIndex, wrongRange), fc.option(plainFilter, { nil: undefined, freq: 2 }));
const ending = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom("collect" as const, "first" as const, "unique" as const, "count" as const).map((get) => ({ get })),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      get: fc.constantFrom("take" as const, "iterate" as const, "page" as const),
      count: fc.integer({ min: 1, max: 4 }),
    }),
  },
);

const thrown = fc.oneof(
  fc.record({ kind: fc.constant("Error" as const), message: fc.constantFrom("on purpose", "two\nlines", "") }),
  fc.record({ kind: fc.constant("ConvexError" as const), data: value }),
  fc.record({ kind: fc.constant("text" as const), text: fc.constantFrom("just text", "") }),
);

const SHAPE_NAMES = Object.keys(SHAPES) as ShapeName[];
/** A value of a shape as often as not, else anything, or one with a part replaced. */
const fitting = (json: ValidatorJson): fc.Arbitrary<Operand> => {
  switch (json.type) {
    case "null":
      return fc.constant(null);
    case "boolean":
      return fc.boolean();
    case "number":
      return fc.constantFrom(0, -0, 1.5, Number.NaN);
    case "bigint":
      return fc.constantFrom(0n, 3n, -(2n ** 63n));
    case "string":
      return fc.constantFrom("", "a", "\u{1f600}");
    case "bytes":
      return fc.constantFrom(bytes(), bytes(1));
    case "any":
      return value;
    case "id":
      return doc;
    case "literal":
      return fc.constant(literalOf(json.value));
    case "array":
      return fc.array(spoiled(json.value), { maxLength: 2 });
    case "record":
      return fc.dictionary(fc.constantFrom("k", "l", "0"), spoiled(json.values.fieldType), { maxKeys: 2, noNullPrototype: true });
    case "object": {
      const all = Object.entries(json.value);
      const required = all.filter(([, { optional }]) => !optional).map(([name]) => name);
      const model = Object.fromEntries(all.map(([name, { fieldType }]) => [name, spoiled(fieldType)]));
      return fc.oneof(
        { weight: 8, arbitrary: fc.record(model, { requiredKeys: required }) as fc.Arbitrary<Operand> },
        { weight: 1, arbitrary: fc.record({ ...model, extra: value }) as fc.Arbitrary<Operand> },
        { weight: 1, arbitrary: fc.record(model, { requiredKeys: [] }) as fc.Arbitrary<Operand> },
      );
    }
    case "union":
      return fc.oneof(...json.value.map(fitting));
    default:
      return json satisfies never;
  }
};
const spoiled = (json: ValidatorJson) => fc.oneof({ weight: 12, arbitrary: fitting(json) }, { weight: 1, arbitrary: value });

type ValidatorJson =
  | { type: "null" | "boolean" | "number" | "bigint" | "string" | "bytes" | "any" }
  | { type: "id"; tableName: string }
  | { type: "literal"; value: unknown }
  | { type: "array"; value: ValidatorJson }
  | { type: "record"; keys: ValidatorJson; values: { fieldType: ValidatorJson } }
  | { type: "object"; value: Record<string, { fieldType: ValidatorJson; optional: boolean }> }
  | { type: "union"; value: ValidatorJson[] };
/** `json` is internal to the package's types; functions and schemas export it. */
const jsonOf = (shape: ShapeName) => (SHAPES[shape] as unknown as { json: ValidatorJson }).json;
const literalOf = (json: unknown): Operand =>
  typeof json === "object" && json !== null && "$integer" in json ? 3n : (json as Operand); // the only int64 literal of the shapes

/** convex-test stores what breaks these, or refuses what does not: the two sides would hold different documents from then on. */
const MISJUDGED: ReadonlySet<ShapeName> = new Set(["record", "recordOfIds", "bigLiteral"]);
const shapedAs = (names: ShapeName[]) =>
  fc.constantFrom(...names).chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      value: fc.oneof({ weight: 5, arbitrary: fitting(jsonOf(shape)) }, { weight: 2, arbitrary: fc.oneof(value, doc) }),
    }),
  );
const shaped = shapedAs(SHAPE_NAMES);
const stored = shapedAs(SHAPE_NAMES.filter((name) => !MISJUDGED.has(name)));
const place = fc.constantFrom("takes" as const, "gives" as const);

const read: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant("query" as const), query, ending }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("get" as const), id: anyId, table: fc.option(table, { nil: undefined }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("normalizeId" as const),
      table: fc.constantFrom("items", "loose", "nowhere"),
      id: anyId,
    }),
  },
  {
    weight: 1,
    arbitrary: fc
      .record({ do: fc.constant("check" as const), place: fc.constant("takes" as const) })
      .chain((step) => shaped.map((each) => ({ ...step, ...each }))),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("systemGet" as const), id: fc.oneof(job, job, anyId) }) },
  { weight: 1, arbitrary: fc.constant<Step>({ do: "jobs" }) },
);
const write: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant("insert" as const), table, value: inserted }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom("patch" as const, "replace" as const),
      id: writeId,
      table: fc.option(table, { nil: undefined }),
      value: changed,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("delete" as const), id: writeId, table: fc.option(table, { nil: undefined }) }),
  },
  {
    weight: 2,
    arbitrary: stored.map(({ shape, value }): Step => ({ do: "insert", table: `checked_${shape}`, value: { value } })),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("cancel" as const), id: job }) },
);

const risky = (step: fc.Arbitrary<Step>, freq: number): fc.Arbitrary<Step> =>
  fc
    .tuple(step, fc.nat({ max: freq }))
    .map(([each, at]) => (at === 0 && each.do !== "risk" && !mayPart(each) ? { do: "risk", step: each } : each));
/** Steps only one side may refuse are always caught: uncaught, they would leave the two with different documents and, once
 *  something else fails on both, nothing to tell it by. */
function mayPart(step: Step): boolean {
  switch (step.do) {
    case "check":
    case "systemGet":
      return true;
    case "insert":
      return step.table.startsWith("checked_");
    case "get":
      return step.table === undefined;
    default:
      return false;
  }
}
const throwing: fc.Arbitrary<Step> = risky(fc.record({ do: fc.constant("throw" as const), thrown }), 1);

const { querySteps, mutationSteps } = fc.letrec<{ querySteps: Step[]; mutationSteps: Step[] }>((tie) => ({
  querySteps: fc.array(
    risky(
      fc.oneof(
        { depthSize: "small", maxDepth: 2 },
        { weight: 12, arbitrary: read },
        { weight: 1, arbitrary: throwing },
        {
          weight: 1,
          arbitrary: fc.record({
            do: fc.constant("call" as const),
            kind: fc.constant("query" as const),
            steps: tie("querySteps"),
          }),
        },
      ),
      12,
    ),
    { minLength: 1, maxLength: 4 },
  ),
  mutationSteps: fc.array(
    risky(
      fc.oneof(
        { depthSize: "small", maxDepth: 2 },
        { weight: 8, arbitrary: write },
        { weight: 5, arbitrary: read },
        { weight: 1, arbitrary: throwing },
        {
          weight: 1,
          arbitrary: fc.record({
            do: fc.constant("call" as const),
            kind: fc.constant("query" as const),
            steps: tie("querySteps"),
          }),
        },
        {
          weight: 2,
          arbitrary: fc.record({
            do: fc.constant("call" as const),
            kind: fc.constant("mutation" as const),
            steps: tie("mutationSteps"),
          }),
        },
        { weight: 1, arbitrary: shaped.map((each): Step => ({ do: "check", place: "gives", ...each })) },
      ),
      20,
    ),
    { minLength: 1, maxLength: 6 },
  ),
}));

/** At most one due function per call: two that are due together may run in either order. */
const scheduling: fc.Arbitrary<Step> = fc.record({
  do: fc.constant("schedule" as const),
  delayMs: fc.constantFrom(0, 0, 3_600_000),
  steps: mutationSteps.map(caught),
});
/** Nobody hears of an error that ends a scheduled function, so none may that the two sides see differently. */
function caught(steps: Step[]): Step[] {
  return steps.map((outer) => {
    const step = outer.do === "risk" && outer.step.do !== "throw" ? outer.step : outer;
    return step.do === "call" ? { ...step, steps: caught(step.steps) } : step;
  });
}
const actionSteps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant("call" as const), kind: fc.constant("mutation" as const), steps: mutationSteps }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant("call" as const), kind: fc.constant("query" as const), steps: querySteps }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant("call" as const),
        kind: fc.constant("action" as const),
        steps: fc.array(throwing, { maxLength: 1 }),
      }),
    },
    { weight: 1, arbitrary: throwing },
  ),
  { minLength: 1, maxLength: 3 },
);

const call: fc.Arbitrary<Call> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ run: fc.constant("mutation" as const), steps: mutationSteps }) },
  {
    weight: 1,
    arbitrary: fc.tuple(mutationSteps, scheduling).map(([steps, step]): Call => ({ run: "mutation", steps: [...steps, step] })),
  },
  { weight: 3, arbitrary: fc.record({ run: fc.constant("query" as const), steps: querySteps }) },
  { weight: 1, arbitrary: fc.record({ run: fc.constant("action" as const), steps: actionSteps }) },
  { weight: 1, arbitrary: shaped.chain((each) => place.map((where): Call => ({ run: "check", place: where, ...each }))) },
  {
    weight: 4,
    arbitrary: fc.record({
      run: fc.constant("page" as const),
      reader: fc.nat({ max: 1 }),
      from: fc.option(fc.nat({ max: 6 }), { nil: null, freq: 3 }),
      until: fc.option(fc.nat({ max: 6 }), { nil: null, freq: 2 }),
      size: fc.integer({ min: 1, max: 4 }),
      maxRows: fc.option(fc.integer({ min: 1, max: 5 }), { nil: null, freq: 5 }),
      isForeign: fc.nat({ max: 30 }).map((at) => at === 0),
    }),
  },
);

/** Every program begins with some documents. */
const opening: fc.Arbitrary<Call> = fc
  .array(fc.record({ do: fc.constant("insert" as const), table: fc.constant("items"), value: plainFields }), {
    minLength: 2,
    maxLength: 8,
  })
  .map((steps): Call => ({ run: "mutation", steps }));

export const program: fc.Arbitrary<Program> = fc.record({
  calls: fc.tuple(opening, fc.array(call, { minLength: 1, maxLength: 9 })).map(([first, rest]) => [first, ...rest]),
  readers: fc.tuple(reader, reader).map((readers) => [...readers]),
});
