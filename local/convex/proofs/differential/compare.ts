// Two transcripts of one program, call by call and step by step.
import { compareValues, convexToJson, type Value } from "convex/values";
import { type Difference, KNOWN_DIFFERENCES, type KnownDifference } from "./known-differences.ts";
import type { Call, Outcome, Program, Step } from "./program.ts";

export interface Comparison {
  /** The first difference nobody can explain. */
  readonly unexplained: Difference | null;
  /** The explained ones that were met, with repetitions. */
  readonly explained: KnownDifference[];
  /** Calls, steps and pages that were compared. */
  readonly compared: number;
  /** Those not looked at because an explained difference left the two sides with different documents. */
  readonly skipped: number;
}

export function compare(program: Program, ours: Outcome[], theirs: Outcome[]): Comparison {
  const comparing = new Comparing();
  for (const [at, call] of program.calls.entries()) comparing.call(call, at, ours[at], theirs[at]);
  return comparing.result();
}

class Comparing {
  #unexplained: Difference | null = null;
  readonly #explained: KnownDifference[] = [];
  #compared = 0;
  #skipped = 0;
  #isOver = false;
  /** Of each reader, in the order pages were asked for. */
  readonly #cursors: Cursor[][] = [[], []];

  result(): Comparison {
    return { unexplained: this.#unexplained, explained: this.#explained, compared: this.#compared, skipped: this.#skipped };
  }

  call(call: Call, at: number, ours: Outcome | undefined, theirs: Outcome | undefined): void {
    if (ours === undefined || theirs === undefined) throw new Error(`Call ${at} is missing in a transcript.`);
    if (call.run === "page") {
      this.#page(call, at, ours, theirs);
      return;
    }
    const steps = call.run === "check" ? null : call.steps;
    if (steps !== null && "ok" in ours && "ok" in theirs) this.#steps(call, steps, ours.ok, theirs.ok, `call ${at}`);
    else this.#outcome({ ...NOTHING, call, place: `call ${at}`, ours, theirs });
  }

  #page(call: Call & { run: "page" }, at: number, ours: Outcome, theirs: Outcome): void {
    const cursors = this.#cursors[call.reader] ?? [];
    const from = this.#cursor(call.isForeign ? 1 - call.reader : call.reader, call.from);
    const until = this.#cursor(call.reader, call.until);
    const cursor = { isApart: true, isEnd: "ok" in ours && (ours.ok as PageResult).isDone };
    cursors.push(cursor);
    if (this.#isOver || from?.isApart || until?.isApart) {
      this.#skipped++;
      return;
    }
    const difference = { ...NOTHING, call, place: `call ${at}`, until };
    if (!("ok" in ours && "ok" in theirs)) {
      this.#outcome({ ...difference, ours, theirs });
      return;
    }
    const [left, right] = [ours.ok, theirs.ok] as [PageResult, PageResult]; // a page call's answers
    const rows = this.#outcome({ ...difference, part: "rows", ours: { ok: left.page }, theirs: { ok: right.page } });
    const end = this.#outcome({ ...difference, part: "end", ours: { ok: endOf(left) }, theirs: { ok: endOf(right) } });
    this.#outcome({ ...difference, part: "split", ours: { ok: splitOf(left) }, theirs: { ok: splitOf(right) } });
    // Stopped by its budget inside a given end: ours keeps that end (Q2), convex-test's cursor stands where the page stopped.
    cursor.isApart = rows || end || (until !== null && left.pageStatus === "SplitRequired");
  }

  #cursor(reader: number, at: number | null): Cursor | null {
    const cursors = this.#cursors[reader] ?? [];
    return at === null ? null : (cursors[at % cursors.length] ?? null);
  }

  #steps(call: Call, steps: readonly Step[], ours: Value, theirs: Value, place: string): void {
    const [left, right] = [ours as Outcome[], theirs as Outcome[]]; // the interpreter's answers
    for (const [at, outer] of steps.entries()) {
      const step = outer.do === "risk" ? outer.step : outer;
      const [a, b] = [left[at], right[at]];
      if (a === undefined || b === undefined) throw new Error(`Step ${at} of ${place} is missing in a transcript.`);
      const here = `${place}, step ${at}`;
      if (step.do === "call" && "ok" in a && "ok" in b) this.#steps(call, step.steps, a.ok, b.ok, here);
      else if (isFiltered(step) && "ok" in a && "ok" in b) this.#filtered({ ...NOTHING, call, step, place: here }, a.ok, b.ok);
      else this.#outcome({ ...NOTHING, call, step, place: here, ours: a, theirs: b });
    }
  }

  /** What a filter had to choose from must be the same; what it chose is judged with that in sight. */
  #filtered(difference: Omit<Difference, "ours" | "theirs">, ours: Value, theirs: Value): void {
    const [left, right] = [ours, theirs] as unknown as [Filtered, Filtered]; // the interpreter's answers
    if (this.#outcome({ ...difference, ours: { ok: left.rows }, theirs: { ok: right.rows } })) return;
    this.#outcome({ ...difference, rows: left.rows, ours: left.result, theirs: right.result });
  }

  /** @returns whether the two differ */
  #outcome(difference: Difference): boolean {
    if (this.#isOver) {
      this.#skipped++;
      return false;
    }
    this.#compared++;
    if (isSame(difference.ours, difference.theirs)) return false;
    const known = KNOWN_DIFFERENCES.find((each) => each.explains(difference));
    if (known === undefined) this.#unexplained ??= difference;
    else this.#explained.push(known);
    // One wrote and the other did not: from here on they hold different documents.
    if (known === undefined || ("ok" in difference.ours !== "ok" in difference.theirs && mayWrite(difference)))
      this.#isOver = true;
    return true;
  }
}

function mayWrite({ call, step }: Difference): boolean {
  if (call.run === "query" || call.run === "page" || call.run === "check") return false;
  return step === null || !["get", "query", "normalizeId", "systemGet", "jobs", "check"].includes(step.do);
}

/** What most differences do not have. */
const NOTHING = { step: null, part: null, until: null, rows: null } as const;

type Filtered = { rows: Value[]; result: Outcome };
const isFiltered = (step: Step): boolean => step.do === "query" && step.query.filter !== undefined;

interface Cursor {
  /** Does it stand in another place on the other side? */
  isApart: boolean;
  /** Is it the end of all results, on our side? */
  readonly isEnd: boolean;
}
type PageResult = { page: Value[]; isDone: boolean; pageStatus: Value; splitCursor: Value };
const endOf = ({ isDone, page }: PageResult): Value => ({ isDone, rows: page.length });
const splitOf = ({ pageStatus, splitCursor }: PageResult): Value => ({ pageStatus, splitCursor });

function isSame(a: Outcome, b: Outcome): boolean {
  return (
    compareValues(a as Value, b as Value) === 0 &&
    JSON.stringify(convexToJson(a as Value)) === JSON.stringify(convexToJson(b as Value))
  );
}
