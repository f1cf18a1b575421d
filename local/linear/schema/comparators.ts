// The comparators of Linear's filters: `{ eq, in, gt, contains, null, … }` on one value. Times are text in one form, so
// they compare as text; a duration ("-P2W") means that long from now.
import { notCovered } from "../errors.ts";

type Test = (value: unknown) => boolean;

const lower = (value: unknown): string => String(value ?? "").toLowerCase();

/** Letters without their marks, for the `…IgnoreCaseAndAccent` comparators. */
const plain = (value: unknown): string =>
  lower(value)
    .normalize("NFD")
    .replace(/\p{Mark}/gu, "");

const OPERATORS: Readonly<Record<string, (wanted: unknown) => Test>> = {
  eq: (wanted) => (value) => (value ?? null) === wanted,
  neq: (wanted) => (value) => (value ?? null) !== wanted,
  in: (wanted) => oneOf(wanted),
  nin: (wanted) => not(oneOf(wanted)),
  null: (wanted) => (value) => (value == null) === wanted,
  gt: (wanted) => ordered((value) => value > (wanted as string)),
  gte: (wanted) => ordered((value) => value >= (wanted as string)),
  lt: (wanted) => ordered((value) => value < (wanted as string)),
  lte: (wanted) => ordered((value) => value <= (wanted as string)),
  eqIgnoreCase: (wanted) => (value) => value != null && lower(value) === lower(wanted),
  neqIgnoreCase: (wanted) => (value) => value == null || lower(value) !== lower(wanted),
  contains: (wanted) => (value) => value != null && String(value).includes(String(wanted)),
  notContains: (wanted) => (value) => !String(value ?? "").includes(String(wanted)),
  containsIgnoreCase: (wanted) => (value) => value != null && lower(value).includes(lower(wanted)),
  notContainsIgnoreCase: (wanted) => (value) => !lower(value).includes(lower(wanted)),
  containsIgnoreCaseAndAccent: (wanted) => (value) => value != null && plain(value).includes(plain(wanted)),
  startsWith: (wanted) => (value) => value != null && String(value).startsWith(String(wanted)),
  startsWithIgnoreCase: (wanted) => (value) => value != null && lower(value).startsWith(lower(wanted)),
  notStartsWith: (wanted) => (value) => !String(value ?? "").startsWith(String(wanted)),
  endsWith: (wanted) => (value) => value != null && String(value).endsWith(String(wanted)),
  notEndsWith: (wanted) => (value) => !String(value ?? "").endsWith(String(wanted)),
};

/** A test for one comparator input. Several operators must all hold. @throws GraphQLError for one that is not covered */
export function comparator(input: Readonly<Record<string, unknown>>, now: Date): Test {
  const tests: Test[] = [];
  for (const [name, wanted] of Object.entries(input)) {
    if (wanted === undefined) continue;
    if (name === "and" || name === "or") {
      const parts = (wanted as readonly Readonly<Record<string, unknown>>[]).map((each) => comparator(each, now));
      tests.push(name === "and" ? (value) => parts.every((part) => part(value)) : (value) => parts.some((part) => part(value)));
      continue;
    }
    const operator = OPERATORS[name];
    if (!operator) throw notCovered(`The comparator "${name}"`);
    tests.push(operator(Array.isArray(wanted) ? wanted.map((each) => normalised(each, now)) : normalised(wanted, now)));
  }
  return (value) => tests.every((test) => test(value));
}

const DURATION = /^([+-]?)P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/;
const TIME = /^\d{4}-\d\d-\d\d[T ]/;

/** Times and durations in the one form stored times have; anything else as it is. */
function normalised(value: unknown, now: Date): unknown {
  if (typeof value !== "string") return value;
  if (TIME.test(value)) {
    const time = new Date(value);
    return Number.isNaN(time.getTime()) ? value : time.toISOString();
  }
  const duration = value.length > 2 ? DURATION.exec(value) : null;
  if (!duration) return value;
  const [years, months, weeks, days, hours, minutes, seconds] = duration.slice(2).map((digits) => Number(digits ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const sign = duration[1] === "-" ? -1 : 1;
  const date = new Date(now);
  date.setUTCFullYear(date.getUTCFullYear() + sign * years, date.getUTCMonth() + sign * months);
  const ms = (((weeks * 7 + days) * 24 + hours) * 60 + minutes) * 60_000 + seconds * 1_000;
  const time = new Date(date.getTime() + sign * ms);
  return Number.isNaN(time.getTime()) ? value : time.toISOString();
}

function oneOf(wanted: unknown): Test {
  const values = new Set(Array.isArray(wanted) ? wanted : []);
  return (value) => values.has(value ?? null);
}

const not =
  (test: Test): Test =>
  (value) =>
    !test(value);

const ordered =
  (test: (value: string) => boolean): Test =>
  (value) =>
    value != null && test(value as string);
