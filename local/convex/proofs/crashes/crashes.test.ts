// 20 random SIGKILLs under the load of eight stock clients, and the judge that says what a crash may not do.
import { describe, expect, test } from "bun:test";
import { type Evidence, judge } from "./judge.ts";
import { runCrashes } from "./run-crashes.ts";

const KILLS = 20;

describe("kill -9 under load", () => {
  test(`${KILLS} kills: mutations once, scheduled mutations once, actions at most once, subscriptions forward, crons on`, async () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    console.log(`crashes: seed ${seed}`);
    const { evidence } = await runCrashes({ kills: KILLS, seed });
    expect(judge(evidence)).toEqual([]);
    // It was really under load, and really interrupted.
    expect(evidence.stored.notes.length).toBeGreaterThan(KILLS * 20);
    expect(evidence.stored.acts.length).toBeGreaterThan(KILLS);
    expect(evidence.actions.filter(({ isDone }) => !isDone).length).toBeGreaterThan(0);
    const updates = [...evidence.counters, ...evidence.lists].map(({ values }) => values.length);
    expect(Math.min(...updates)).toBeGreaterThan(2);
    expect(updates.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(KILLS * 5);
  }, 120_000);
});

describe("the judge", () => {
  const right: Evidence = {
    acknowledged: [
      { key: "a", count: 1 },
      { key: "b", count: 2 },
      { key: "h", count: null },
    ],
    actions: [
      { key: "done", isDone: true },
      { key: "cut off", isDone: false },
    ],
    stored: { notes: ["a", "b", "h"], jobs: ["job:b", "job:a"], acts: ["act:a", "done"], noteCount: 3, ticks: 5 },
    scheduled: ["a", "b"],
    scheduledActions: ["a", "b"],
    counters: [{ what: "notes", values: [0, 1, 1, 3] }],
    lists: [{ what: "s", values: [[], ["a"], ["a", "b"]] }],
    finalLists: { s: ["a", "b"] },
    ticksAfterEachStart: [1, 4],
    elapsedMs: 6000,
  };
  const stored = (change: Partial<Evidence["stored"]>): Evidence => ({ ...right, stored: { ...right.stored, ...change } });

  test("is content with what a crash may do: an action that is lost, or done though nobody was told", () => {
    expect(judge(right)).toEqual([]);
    expect(judge(stored({ acts: ["done", "cut off"] }))).toEqual([]);
  });

  test.each<[string, Evidence]>([
    ["mutations applied twice: a", stored({ notes: ["a", "a", "b", "h"], noteCount: 4 })],
    ["acknowledged mutations that are gone: h", stored({ notes: ["a", "b"], noteCount: 2 })],
    [
      "mutations applied that nobody was told of, though every client waited for its answer: x",
      stored({ notes: ["a", "b", "h", "x"], noteCount: 4 }),
    ],
    [
      "counts told to two mutations: 2",
      { ...right, acknowledged: right.acknowledged.map(({ key }) => ({ key, count: key === "h" ? null : 2 })) },
    ],
    ["the counter says 4, 3 rows are there", stored({ noteCount: 4 })],
    ["scheduled mutations that ran twice: job:a", stored({ jobs: ["job:a", "job:b", "job:a"] })],
    ["scheduled mutations that never ran: job:b", stored({ jobs: ["job:a"] })],
    ["scheduled mutations nobody scheduled: job:x", stored({ jobs: ["job:a", "job:b", "job:x"] })],
    ["actions that ran twice: done", stored({ acts: ["done", "done"] })],
    ["actions nobody asked for: act:h", stored({ acts: ["done", "act:h"] })],
    ["actions told done whose effect is gone: done", stored({ acts: [] })],
    ["notes went back from 3 to 1", { ...right, counters: [{ what: "notes", values: [3, 1] }] }],
    ["s showed 2 entries, of which some were not there later", { ...right, lists: [{ what: "s", values: [["a", "b"], ["a"]] }] }],
    ["s showed 1 entries, of which some were not there later", { ...right, lists: [{ what: "s", values: [["b"]] }] }],
    ["ticks went back at start 1", { ...right, ticksAfterEachStart: [4, 1] }],
    ["crons stopped after the last start", stored({ ticks: 4 })],
    ["9 ticks of a second each in 6000 ms", stored({ ticks: 9 })],
  ])("complains: %s", (complaint, evidence) => {
    expect(judge(evidence)).toContain(complaint);
  });
});
