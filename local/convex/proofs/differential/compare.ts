// Two transcripts of one program, call by call and step by step.
import { compareValues, convexToJson, type Value } from "convex/values";
import { type Difference, type KnownDifference, KNOWN_DIFFERENCES } from "./known-differences.ts";
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
  /** Cursors of each reader that stand in different places; in the order pages were asked for. */
  readonly #apart: boolean[][] = [[], []];

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
    else this.#outcome({ call, step: null, part: null, place: `call ${at}`, ours, theirs });
  }

  #page(call: Call & { run: "page" }, at: number, ours: Outcome, theirs: Outcome): void {
    const apart = this.#apart[call.reader] ?? [];
    const used = (reader: number, cursor: number | null) => {
      const cursors = this.#apart[reader] ?? [];
      return cursor !== null && cursors.length > 0 && (cursors[cursor % cursors.length] ?? false);
    };
    if (this.#isOver || used(call.isForeign ? 1 - call.reader : call.reader, call.from) || used(call.reader, call.until)) {
      this.#skipped++;
      apart.push(true);
      return;
    }
    const place = `call ${at}`;
    if ("ok" in ours && "ok" in theirs) {
      const parts = (["rows", "end", "split"] as const).map((part) => {
        const isKnown = this.#outcome({ call, step: null, part, place, ours: partOf(ours.ok, part), theirs: partOf(theirs.ok, part) });
        return part !== "split" && isKnown;
      });
      apart.push(parts.includes(true));
    } else {
      apart.push(this.#outcome({ call, step: null, part: null, place, ours, theirs }));
    }
  }

  #steps(call: Call, steps: readonly Step[], ours: Value, theirs: Value, place: string): void {
    const [left, right] = [ours as Outcome[], theirs as Outcome[]]; // the interpreter's answers
    for (const [at, outer] of steps.entries()) {
      const step = outer.do === "risk" ? outer.step : outer;
      const [a, b] = [left[at], right[at]];
      if (a === undefined || b === undefined) throw new Error(`Step ${at} of ${place} is missing in a transcript.`);
      const here = `${place}, step ${at}`;
      if (step.do === "call" && "ok" in a && "ok" in b) this.#steps(call, step.steps, a.ok, b.ok, here);
      else this.#outcome({ call, step, part: null, place: here, ours: a, theirs: b });
    }
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
    if (known === undefined || ("ok" in difference.ours !== "ok" in difference.theirs && mayWrite(difference))) this.#isOver = true;
    return true;
  }
}

function mayWrite({ call, step }: Difference): boolean {
  if (call.run === "query" || call.run === "page" || call.run === "check") return false;
  return step === null || !["get", "query", "normalizeId", "systemGet", "jobs", "check"].includes(step.do);
}

type PageResult = { page: Value; isDone: Value; pageStatus: Value; splitCursor: Value };
function partOf(page: Value, part: "rows" | "end" | "split"): Outcome {
  const { page: rows, isDone, pageStatus, splitCursor } = page as PageResult; // a page call's answer
  return { ok: { rows, end: isDone, split: { pageStatus, splitCursor } }[part] };
}

function isSame(a: Outcome, b: Outcome): boolean {
  return compareValues(a as Value, b as Value) === 0 && JSON.stringify(convexToJson(a as Value)) === JSON.stringify(convexToJson(b as Value));
}
