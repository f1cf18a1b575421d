// One of the two deployments a program runs on: it performs the calls through the stock HTTP client and writes down what came
// back, with everything two correct deployments may choose for themselves replaced: ids by the document's number, times by "time",
// request ids and stack frames by nothing.
import { tmpdir } from "node:os";
import { resolve } from "node:path";
import { ConvexHttpClient } from "convex/browser";
import { makeFunctionReference } from "convex/server";
import { ConvexError, type Value } from "convex/values";
import type { World } from "../../fixtures/proofs/convex/program.ts";
import { SHAPES } from "../../fixtures/proofs/convex/shapes.ts";
import { eventually } from "../../testing/fixture-deployment.ts";
import { startProofServer } from "../proof-app.ts";
import type { Answer, Call, Outcome, Program } from "./program.ts";

const TABLES = ["items", "loose", ...Object.keys(SHAPES).map((shape) => `checked_${shape}`)];

export interface Side {
  readonly name: string;
  /** What each call came back with, in order. The deployment is empty when the first one begins. */
  run(program: Program): Promise<Outcome[]>;
  stop(): Promise<void>;
}

/** A server of ours, in a process of its own. */
export async function ourSide(): Promise<Side> {
  const server = await startProofServer(0, ["--synchronous", "NORMAL"]);
  const client = new ConvexHttpClient(server.url, { logger: false });
  const clear = makeFunctionReference<"mutation">("interpreter:clear");
  return {
    name: "local/convex",
    run: async (program) => {
      await client.mutation(clear, { tables: TABLES });
      return new Run(client).all(program);
    },
    stop: () => server.remove(),
  };
}

/** convex-test, behind the same HTTP API. */
export async function convexTestSide(): Promise<Side> {
  const child = Bun.spawn([process.execPath, resolve(import.meta.dir, "oracle.ts")], {
    env: { PATH: process.env.PATH ?? "", HOME: tmpdir() },
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const { value } = await child.stdout.getReader().read();
  const { url } = JSON.parse(new TextDecoder().decode(value)) as { url: string };
  const client = new ConvexHttpClient(url, { logger: false });
  return {
    name: "convex-test",
    run: async (program) => {
      await fetch(`${url}/reset`, { method: "POST" });
      return new Run(client).all(program);
    },
    stop: async () => {
      child.stdin.end();
      await child.exited;
    },
  };
}

class Run {
  readonly #cursors: (string | null)[][] = [[], []];
  #world: World = { docs: [], jobs: [] };

  constructor(private readonly client: ConvexHttpClient) {}

  async all(program: Program): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    for (const call of program.calls) outcomes.push(await this.#one(program, call));
    return outcomes;
  }

  async #one(program: Program, call: Call): Promise<Outcome> {
    let outcome: Outcome;
    try {
      outcome = { ok: await this.#perform(program, call) };
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      outcome = { error: error instanceof ConvexError ? { message, data: error.data } : { message } };
    }
    if (call.run === "page") this.#cursors[call.reader]?.push(cursorOf(outcome));
    await this.#settle();
    return new Names(this.#world).outcome(outcome);
  }

  async #perform(program: Program, call: Call): Promise<Value> {
    switch (call.run) {
      case "check": {
        const path = `checks:${call.place}_${call.shape}`;
        const args = { value: this.#resolve(call.value) };
        return call.place === "takes"
          ? await this.client.query(makeFunctionReference<"query">(path), args)
          : await this.client.mutation(makeFunctionReference<"mutation">(path), args);
      }
      case "page": {
        const cursor = this.#cursor(call.isForeign ? 1 - call.reader : call.reader, call.from);
        const end = this.#cursor(call.reader, call.until);
        const paginationOpts = {
          numItems: call.size,
          cursor,
          ...(end === null ? {} : { endCursor: end }),
          ...(call.maxRows === null ? {} : { maximumRowsRead: call.maxRows }),
        };
        const query = program.readers[call.reader];
        return await this.client.query(makeFunctionReference<"query">("interpreter:page"), {
          query,
          world: this.#world,
          paginationOpts,
        });
      }
      case "query":
        return this.#adopt(await this.client.query(makeFunctionReference<"query">("interpreter:query"), this.#args(call.steps)));
      case "mutation":
        return this.#adopt(
          await this.client.mutation(makeFunctionReference<"mutation">("interpreter:mutation"), this.#args(call.steps)),
        );
      case "action":
        return this.#adopt(
          await this.client.action(makeFunctionReference<"action">("interpreter:action"), this.#args(call.steps)),
        );
      default:
        return call satisfies never;
    }
  }

  #args(steps: unknown) {
    return { steps, world: this.#world } as Record<string, Value>;
  }

  #adopt({ outcomes, world }: Answer): Value {
    this.#world = world;
    return outcomes as Value;
  }

  #cursor(reader: number, at: number | null): string | null {
    const cursors = this.#cursors[reader] ?? [];
    return at === null || cursors.length === 0 ? null : (cursors[at % cursors.length] ?? null);
  }

  /** Documents only: what a check's value may name. */
  #resolve(operand: Value): Value {
    if (Array.isArray(operand)) return operand.map((element) => this.#resolve(element));
    if (!isPlain(operand)) return operand;
    const at = operand["~doc"];
    if (typeof at === "number") return this.#world.docs[at % Math.max(this.#world.docs.length, 1)] ?? "none";
    return Object.fromEntries(
      Object.entries(operand)
        .filter(([, element]) => !isMissing(element))
        .map(([field, element]) => [field, this.#resolve(element ?? null)]),
    );
  }

  async #settle(): Promise<void> {
    if (this.#world.jobs.length === 0) return;
    const isSettled = makeFunctionReference<"query">("interpreter:isSettled");
    await eventually(() => this.client.query(isSettled, { jobs: this.#world.jobs }), "scheduled functions end");
  }
}

const isPlain = (value: Value | undefined): value is Record<string, Value> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof ArrayBuffer);
const isMissing = (value: Value | undefined): boolean => isPlain(value) && "~missing" in value;

function cursorOf(outcome: Outcome): string | null {
  if (!("ok" in outcome)) return null;
  const { continueCursor } = outcome.ok as { continueCursor: string }; // a page call's answer
  return continueCursor;
}

const TIMES: ReadonlySet<string> = new Set(["_creationTime", "scheduledTime", "completedTime"]);
const CURSORS: ReadonlySet<string> = new Set(["continueCursor", "splitCursor"]);
/** An id of either side that the program did not keep: it was rolled back, or it is a document of a failed call. */
const ANY_ID = /\b(?:[0-9a-hjkmnp-tv-z]{31,37}|\d{5,}[A-Za-z_]\w*)\b/g;
/** A creation time in the text of an error. */
const ANY_TIME = /\b1\d{12}(?:\.\d+)?\b/g;

class Names {
  readonly #names: ReadonlyMap<string, string>;

  constructor({ docs, jobs }: World) {
    this.#names = new Map([
      ...docs.map((id, at) => [id, `<doc ${at}>`] as const),
      ...jobs.map((id, at) => [id, `<job ${at}>`] as const),
    ]);
  }

  outcome(outcome: Outcome): Outcome {
    if ("ok" in outcome) return { ok: this.#value(outcome.ok) };
    const { message, data } = outcome.error;
    const text = this.#text(bareMessage(message));
    return { error: data === undefined ? { message: text } : { message: text, data: this.#value(data) } };
  }

  #value(value: Value): Value {
    if (typeof value === "string") return this.#text(value);
    if (typeof value !== "object" || value === null || value instanceof ArrayBuffer) return value;
    if (Array.isArray(value)) return value.map((element) => this.#value(element));
    return Object.fromEntries(
      Object.entries(value).map(([field, element]) => {
        if (element === undefined) return [field, null];
        if (field === "error" && typeof element === "object") return [field, this.#error(element)];
        if (TIMES.has(field) && typeof element === "number") return [field, "time"];
        if (CURSORS.has(field) && typeof element === "string") return [field, "cursor"];
        return [this.#text(field), this.#value(element)];
      }),
    );
  }

  /** The error of a step, told by the interpreter. */
  #error(error: Value): Value {
    const { message, ...rest } = error as { message: string };
    return { message: this.#text(bareMessage(message)), ...(this.#value(rest) as Record<string, Value>) };
  }

  #text(text: string): string {
    const known = this.#names.get(text);
    return known ?? text.replaceAll(ANY_TIME, "<time>").replaceAll(ANY_ID, (id) => this.#names.get(id) ?? "<lost>");
  }
}

/** The text a developer wrote: without request id, "Uncaught Error: " once per call it crossed, and stack frames. */
export function bareMessage(message: string): string {
  let text = message.replace(/^\[Request ID: \w+\] Server Error\n/, "").replaceAll(/\n\s+at .*/g, "");
  for (;;) {
    const inner = text.replace(/^Uncaught (?:\w*Error: ?)?/, "");
    if (inner === text) return text;
    text = inner;
  }
}
