// What the tests of the edges share: a log that remembers, a Convex whose answers a test gives by function name, waiting on a condition.

import { type FunctionReference, getFunctionName } from "convex/server";
import type { World } from "../../convex/world.testing.ts";
import type { EffectContext } from "../actors/performer.ts";
import { createLog, type Log } from "../log.ts";
import type { ConvexCaller } from "../store/convex-store.ts";

export interface RecordedLog {
  readonly log: Log;
  /** Every line, as written. */
  readonly lines: string[];
  /** The fields of the lines with that event. */
  of(event: string): Record<string, unknown>[];
}

export function aLog(): RecordedLog {
  const lines: string[] = [];
  const parsed = () => lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  return { log: createLog((line) => lines.push(line)), lines, of: (event) => parsed().filter((line) => line.event === event) };
}

/** What the orchestrator calls Convex by, going to the functions themselves. */
export const callerOf = ({ service }: World): ConvexCaller =>
  // `convex-test` has the same two calls, typed with what its own client adds.
  ({ query: service.query, mutation: service.mutation }) as unknown as ConvexCaller;

type Answers = Readonly<Record<string, (args: Record<string, unknown>) => unknown>>;

/** Answers as `answers["module:function"]` says; a call nobody has answered for fails the test. */
export function aConvex(answers: Answers) {
  const calls: { name: string; args: Record<string, unknown> }[] = [];
  const call = async (reference: FunctionReference<"query" | "mutation">, args: Record<string, unknown>) => {
    const name = getFunctionName(reference);
    calls.push({ name, args });
    const answer = answers[name];
    if (!answer) throw new Error(`this test has no answer for ${name}`);
    return answer(args);
  };
  return { caller: { query: call, mutation: call } as ConvexCaller, calls };
}

export const aContext = (over: Partial<EffectContext> = {}): EffectContext => ({
  effectId: "omakase/sample/oma-1:4:0",
  actor: "omakase/sample/oma-1",
  epochs: [{ shard: 3, epoch: 1 }],
  askedAt: Date.now(),
  isRepeated: false,
  signal: new AbortController().signal,
  ...over,
});

/** Asks again until there is an answer. @throws {Error} after `boundMs` */
export async function eventually<T>(
  ask: () => T | null | undefined | false | Promise<T | null | undefined | false>,
  what: string,
  boundMs = 10_000,
): Promise<T> {
  const until = Date.now() + boundMs;
  for (;;) {
    const answer = await ask();
    if (answer !== null && answer !== undefined && answer !== false) return answer;
    if (Date.now() > until) throw new Error(`waited ${boundMs} ms for ${what}`);
    await Bun.sleep(5);
  }
}

/** What a call was refused with. @throws {Error} when it was not */
export async function refusal(
  call: Promise<unknown>,
): Promise<{ code: string; retryable: boolean; message: string; retryAfterMs: number | null }> {
  try {
    await call;
  } catch (error) {
    return error as { code: string; retryable: boolean; message: string; retryAfterMs: number | null };
  }
  throw new Error("the call was not refused");
}
