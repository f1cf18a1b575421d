// The log's promises (E1-E3 of events.ts) against an orchestrator that loses answers, takes parts, refuses and goes away.
import { afterEach, describe, expect, test } from "bun:test";
import { type Batch, EventLog, type EventLogSettings, type LogAnswer, type LogEvent } from "./events.ts";
import { Masking } from "./masking.ts";
import { OrchestratorAway, OrchestratorRefused } from "./orchestrator.ts";

const logs: EventLog[] = [];
afterEach(() => {
  for (const log of logs.splice(0)) log.close();
});

/** As strict as the real one: a repeat is passed over, a gap is not stored. */
class Far {
  readonly stored: LogEvent[] = [];
  batches: Batch[] = [];
  take(batch: Batch, atMost = Number.POSITIVE_INFINITY): LogAnswer {
    this.batches.push(batch);
    const next = this.stored.length + 1;
    if (batch.from <= next) this.stored.push(...batch.events.slice(next - batch.from, next - batch.from + atMost));
    return { next: this.stored.length + 1, stop: null };
  }
  get texts(): string[] {
    return this.stored.map(({ text }) => text);
  }
}

function setup(send: EventLogSettings["send"], more: Partial<EventLogSettings> = {}) {
  const stops: string[] = [];
  const masking = new Masking();
  const log = new EventLog({ send, masking, onStop: (reason) => stops.push(reason), pauseMs: 1, ...more });
  logs.push(log);
  return { log, stops, masking };
}

const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, index) => `event ${index + from}`);

describe("the event log", () => {
  test("E1, E2: answers lost before or after the work lose and repeat nothing", async () => {
    const far = new Far();
    let call = 0;
    const { log } = setup(async (batch) => {
      call += 1;
      if (call % 3 === 0) throw new OrchestratorAway("lost before");
      const answer = far.take(batch);
      if (call % 3 === 1) throw new OrchestratorAway("lost after");
      return answer;
    });
    for (const text of numbers(1_000)) log.note("test", text);
    expect(await log.flush(10_000)).toBe(true);
    expect(far.texts).toEqual(numbers(1_000));
    expect(far.stored.map(({ seq }) => seq)).toEqual(far.stored.map((_, index) => index + 1));
    expect(Math.max(...far.batches.map(({ events }) => events.length))).toBeLessThanOrEqual(256);
  });

  test("E1: an orchestrator that takes a part is sent the rest; one that lost what it had goes on without a gap", async () => {
    const far = new Far();
    const { log } = setup(async (batch) => far.take(batch, 7));
    for (const text of numbers(50)) log.note("test", text);
    expect(await log.flush(10_000)).toBe(true);
    expect(far.texts).toEqual(numbers(50));
    far.stored.splice(20);
    for (const text of numbers(5, 50)) log.note("test", text);
    expect(await log.flush(10_000)).toBe(true);
    expect(far.texts).toEqual([...numbers(20), ...numbers(5, 50)]);
    expect(far.stored.map(({ seq }) => seq)).toEqual(far.stored.map((_, index) => index + 1));
  });

  test("E3: while the orchestrator is away the newest are kept, and one event says how many are missing", async () => {
    const far = new Far();
    let isAway = true;
    const { log } = setup(
      async (batch) => {
        if (isAway) throw new OrchestratorAway("away");
        return far.take(batch);
      },
      { maxWaiting: 100 },
    );
    for (const text of numbers(1_000)) log.note("test", text);
    expect(await log.flush(20)).toBe(false);
    isAway = false;
    expect(await log.flush(10_000)).toBe(true);
    const dropped = far.stored
      .filter(({ kind }) => kind === "log.dropped")
      .reduce((sum, { data }) => sum + (data as { dropped: number }).dropped, 0);
    const kept = far.texts.filter((text) => text.startsWith("event"));
    expect(dropped + kept.length).toBe(1_000);
    expect(kept.slice(-100)).toEqual(numbers(100, 900));
    expect(far.stored.map(({ seq }) => seq)).toEqual(far.stored.map((_, index) => index + 1));
  });

  test("a batch the orchestrator will never take is replaced by a count, under the same numbers", async () => {
    const far = new Far();
    const { log } = setup(async (batch) => {
      if (batch.events.some(({ text }) => text === "poison")) throw new OrchestratorRefused(400, "malformed", "no");
      return far.take(batch);
    });
    log.note("test", "before");
    await log.flush(5_000);
    log.note("test", "poison");
    await log.flush(5_000);
    log.note("test", "after");
    expect(await log.flush(5_000)).toBe(true);
    expect(far.stored.map(({ kind, text }) => (kind === "test" ? text : kind))).toEqual(["before", "log.dropped", "after"]);
  });

  test("beats when there is nothing to say, and hears a stop by it", async () => {
    const beats: Batch[] = [];
    const stopped = Promise.withResolvers<string>();
    const log = new EventLog({
      masking: new Masking(),
      heartbeatMs: 5,
      onStop: stopped.resolve,
      send: async (batch) => {
        beats.push(batch);
        return { next: 1, stop: beats.length < 3 ? null : { reason: "enough" } };
      },
    });
    logs.push(log);
    expect(await stopped.promise).toBe("enough");
    expect(beats.map(({ from, events }) => [from, events.length])).toEqual(beats.map(() => [1, 0]));
  });

  test("a run the orchestrator no longer knows is stopped, and asks no more", async () => {
    let calls = 0;
    const { log, stops } = setup(async () => {
      calls += 1;
      throw new OrchestratorRefused(401, "forged", "a live run token is needed");
    });
    log.note("test", "hello");
    expect(await log.flush(5_000)).toBe(false);
    log.note("test", "anybody?");
    await log.flush(50);
    expect([calls, stops.length]).toEqual([1, 1]);
  });

  test("masks secrets before it keeps them, and cuts long texts in the middle", async () => {
    const far = new Far();
    const { log, masking } = setup(async (batch) => far.take(batch));
    masking.learn("a-secret-of-this-run");
    const secrets = [
      "a-secret-of-this-run",
      `ghs_${"a".repeat(36)}`,
      `sk-ant-${"b".repeat(40)}`,
      btoa("x-access-token:a-secret-of-this-run"),
    ];
    log.note("test", secrets.join(" "), "info", { deep: [{ [secrets[1]!]: secrets[0] }] });
    log.note("test", `head${"é".repeat(100_000)}tail`, "info", { huge: "y".repeat(100_000) });
    await log.flush(5_000);
    expect(far.stored[0]).toMatchObject({
      text: "[masked] [masked] [masked] [masked]",
      data: { deep: [{ "[masked]": "[masked]" }] },
    });
    const long = far.stored[1]?.text ?? "";
    expect(new TextEncoder().encode(long).length).toBeLessThanOrEqual(16 * 1024);
    expect(long).toMatch(/^headé+\n\[… \d+ of 200008 bytes cut …\]\né+tail$/);
    expect(JSON.stringify(far.stored[1]?.data).length).toBeLessThan(17_000);
  });
});
