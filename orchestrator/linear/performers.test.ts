// What the pipeline does in Linear, with the stock SDK against local/linear: once, whatever happens to the answers.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { aLinear, type LinearUnderTest } from "@omakase/local-linear/testing/linear";
import type { Issue } from "../../convex/tickets.ts";
import { aContext, aConvex, aLog, refusal } from "../testing/edge.ts";
import { createLinear, type LinearApi, linearBudget } from "./client.ts";
import { commentOnIssue, moveIssue, resolveDependencies } from "./performers.ts";
import { createLinearSweep } from "./sweep.ts";

let server: LinearUnderTest;
let linear: LinearApi;
beforeAll(async () => {
  server = await aLinear();
});
// What one test spends of the budget is not for the next.
beforeEach(() => {
  linear = createLinear({ apiUrl: `${server.url}/graphql`, apiKey: server.key("omakase") });
});
afterAll(() => server.stop());
afterEach(() => fetch(`${server.url}/__faults`, { method: "DELETE", headers: { "x-omakase-local": "1" } }));

const journalOf = async (operation: string, id: string) =>
  (await server.journal()).filter((entry) => entry.operation === operation && entry.touched.some((touched) => touched.id === id));
const stateOf = async (id: string) => (await (await server.as("dana").issue(id)).state)?.name;

describe("moving an issue", () => {
  test("takes the preferred state of its type, and else the first on the board", async () => {
    const { id } = await server.anIssue();
    await moveIssue(linear)({ kind: "moveIssue", issueId: id, stateType: "started", preferredName: "In Review" }, aContext());
    expect(await stateOf(id)).toBe("In Review");
    await moveIssue(linear)({ kind: "moveIssue", issueId: id, stateType: "unstarted", preferredName: "Nowhere" }, aContext());
    expect(await stateOf(id)).toBe("Todo");
  });

  test("moves once when the answer is lost and the effect is performed again", async () => {
    const { id } = await server.anIssue();
    const effect = { kind: "moveIssue", issueId: id, stateType: "started", preferredName: null } as const;
    await server.order({ kind: "drop-reply", match: "issueUpdate" });
    expect((await refusal(moveIssue(linear)(effect, aContext()))).retryable).toBe(true);
    await server.order({ kind: "error", status: 500, match: "issueUpdate" }); // it need not even ask
    await moveIssue(linear)(effect, aContext());
    expect(await journalOf("issueUpdate", id)).toHaveLength(1);
  });

  test("a repeat does not bring back what a person has ended meanwhile", async () => {
    const { id } = await server.anIssue();
    const effect = { kind: "moveIssue", issueId: id, stateType: "started", preferredName: null } as const;
    await server.order({ kind: "drop-reply", match: "issueUpdate" });
    expect((await refusal(moveIssue(linear)(effect, aContext()))).retryable).toBe(true);
    const { states } = await linear.stateOf(id);
    await server.as("dana").updateIssue(id, { stateId: states.find(({ type }) => type === "canceled")?.id ?? "" });
    await moveIssue(linear)(effect, aContext());
    expect(await stateOf(id)).toBe("Canceled");
  });
});

describe("commenting", () => {
  test("comments once when the answer is lost and the effect is performed again", async () => {
    const { id } = await server.anIssue();
    const effect = { kind: "commentOnIssue", issueId: id, body: "A pull request is open." } as const;
    const context = aContext({ effectId: "omakase/sample/oma-1:9:1" });
    await server.order({ kind: "drop-reply", match: "commentCreate" });
    expect((await refusal(commentOnIssue(linear)(effect, context))).retryable).toBe(true);
    expect(await commentOnIssue(linear)(effect, context)).toEqual({ kind: "answer", event: null });
    const comments = await (await server.as("dana").issue(id)).comments();
    expect(comments.nodes.map(({ body }) => body)).toEqual(["A pull request is open."]);
  });

  test("of two effects comments twice", async () => {
    const { id } = await server.anIssue();
    for (const effectId of ["a/b/c:1:0", "a/b/c:1:1"]) {
      await commentOnIssue(linear)({ kind: "commentOnIssue", issueId: id, body: "Again." }, aContext({ effectId }));
    }
    expect((await (await server.as("dana").issue(id)).comments()).nodes).toHaveLength(2);
  });
});

describe("what Linear says no with", () => {
  const move = (issueId: string) =>
    refusal(moveIssue(linear)({ kind: "moveIssue", issueId, stateType: "started", preferredName: null }, aContext()));

  test("a spent request budget is waited for", async () => {
    await server.order({ kind: "ratelimited" });
    expect(await move("OMA-1")).toMatchObject({ code: "rate_limited", retryable: true, retryAfterMs: 3_600 });
  });
  test("a server fault is tried again", async () => {
    await server.order({ kind: "error", status: 502 });
    expect(await move("OMA-1")).toMatchObject({ code: "linear_unavailable", retryable: true });
  });
  test("an issue that is not there is final", async () => {
    expect(await move("OMA-999999")).toMatchObject({ code: "linear_refused", retryable: false });
  });
  test("a wrong key is final, and is not in the message", async () => {
    const stranger = createLinear({ apiUrl: `${server.url}/graphql`, apiKey: "lin_api_nobody_has_this_key" });
    const refused = await refusal(stranger.stateOf("OMA-1"));
    expect(refused).toMatchObject({ code: "linear_refused", retryable: false });
    expect(refused.message).not.toContain("nobody_has_this_key");
  });
});

test("resolving dependencies hands on who blocks the issue, not what it blocks, and that Convex has settled", async () => {
  const [blocker, blocked, later] = [await server.anIssue(), await server.anIssue(), await server.anIssue()];
  const dana = server.as("dana");
  type Relation = Parameters<typeof dana.createIssueRelation>[0];
  await dana.createIssueRelation({ issueId: blocker.id, relatedIssueId: blocked.id, type: "blocks" } as Relation);
  await dana.createIssueRelation({ issueId: blocked.id, relatedIssueId: later.id, type: "blocks" } as Relation);
  const { caller, calls } = aConvex({ "dependencies:resolve": () => ({ settled: { kind: "unknown" }, isComplete: true }) });
  const effect = { kind: "resolveDependencies", issueId: blocked.id } as const;
  expect((await resolveDependencies(linear, caller)(effect, aContext())).kind).toBe("settled");
  expect(calls[0]?.args).toMatchObject({
    project: "omakase/sample",
    issueId: blocked.id,
    blockers: [{ issueId: blocker.id, key: blocker.identifier, stateType: "backlog" }],
  });
});

test("a sweep reads every issue changed since the last known, over pages, archived ones too, oldest first", async () => {
  const made = await Promise.all(Array.from({ length: 60 }, (_, at) => server.anIssue({ title: `Swept ${at}` })));
  await server.as("dana").archiveIssue(made[0]!.id);
  const teamId = (await server.team()).id;
  const seen: { issueId: string; removed: boolean; updatedAt: number }[] = [];
  const { caller } = aConvex({
    "linear:projects": ({ after }) =>
      after === null
        ? { projects: [{ project: "omakase/gone", linearTeamId: "no-such-team", sweptUntil: 0 }], next: "omakase/gone" }
        : { projects: [{ project: "omakase/sample", linearTeamId: teamId, sweptUntil: 0 }], next: null },
    "linear:sync": ({ issues }) => {
      seen.push(...(issues as typeof seen));
      return { news: (issues as { issueId: string }[]).map(({ issueId }) => issueId) };
    },
    "reconcile:swept": ({ until }) => void marks.push(until as number),
  });
  const marks: number[] = [];
  const repairs = { record: () => Promise.reject(new Error("a first sweep repairs nothing")) };
  expect(await createLinearSweep({ linear, convex: caller, repairs, log: aLog().log })()).toBe(seen.length);
  expect(marks.at(-1)).toBe(seen.at(-1)!.updatedAt);
  const times = seen.map(({ updatedAt }) => updatedAt);
  expect(times).toEqual([...times].sort((a, b) => a - b));
  const ids = new Set(seen.map(({ issueId }) => issueId));
  expect([ids.size, made.filter(({ id }) => !ids.has(id))]).toEqual([seen.length, []]);
  expect(seen.find(({ issueId }) => issueId === made[0]!.id)?.removed).toBe(true);
  const [newest] = (await linear.changedSince([teamId], times.at(-1)!, null)).issues;
  expect(newest?.updatedAt).toBe(times.at(-1)!);
});

test("a sweep goes on from its own mark: what webhooks have brought meanwhile does not hide what they have not", async () => {
  const missed = await server.anIssue({ title: "Its webhook was lost" });
  const later = await server.anIssue({ title: "Its webhook came" });
  const teamId = (await server.team()).id;
  const [newest] = (await linear.changedSince([teamId], Date.now() - 5_000, null)).issues.slice(-1);
  const known = new Set([later.id]);
  let mark = newest!.updatedAt - 10;
  const recorded: string[] = [];
  const { caller } = aConvex({
    "linear:projects": () => ({
      projects: [{ project: "omakase/sample", linearTeamId: teamId, sweptUntil: mark }],
      next: null,
    }),
    "linear:sync": ({ issues }) => {
      const news = (issues as { issueId: string }[]).map(({ issueId }) => issueId).filter((id) => !known.has(id));
      for (const id of news) known.add(id);
      return { news };
    },
    "reconcile:swept": ({ until }) => {
      mark = until as number;
    },
  });
  const repairs = { record: async ({ subject }: { subject: string }) => void recorded.push(subject) };
  const sweep = (now: number) => createLinearSweep({ linear, convex: caller, repairs, log: aLog().log, now: () => now })();
  expect(await sweep(Date.now() + 120_000)).toBeGreaterThan(0);
  expect(recorded).toContain(missed.identifier);
  expect(recorded).not.toContain(later.identifier);
  const before = recorded.length;
  expect([await sweep(Date.now() + 120_000), recorded.length]).toEqual([0, before]);
});

test("one budget for all who use the key: it is learnt from the answers, a sweep leaves the last of it, and nobody is refused", async () => {
  const small = await aLinear({ requestsPerHour: 10 });
  try {
    const { id } = await small.anIssue({}, "dana");
    const settings = { apiUrl: `${small.url}/graphql`, apiKey: small.key("omakase") };
    const budget = linearBudget();
    const [effects, sweeps] = [createLinear(settings, budget), createLinear(settings, budget, "sweep")];
    const outcomes = async (api: LinearApi, times: number) => {
      const seen: string[] = [];
      for (let time = 0; time < times; time++) {
        seen.push(
          await api.stateOf(id).then(
            () => "done",
            (error: { code: string; message: string }) => `${error.code}: ${error.message.split(":").slice(0, -1).join(":")}`,
          ),
        );
      }
      return seen;
    };
    const spent = "rate_limited: linear: the budget of 10 an hour is spent";
    expect(await outcomes(sweeps, 9)).toEqual([...Array.from({ length: 8 }, () => "done"), spent]);
    expect(await outcomes(effects, 3)).toEqual(["done", "done", spent]);
    // Another process with the same key knows nothing of it, is refused once, and then waits as long as Linear says.
    const other = createLinear(settings);
    const refused = await refusal(other.stateOf(id));
    expect([refused.code, refused.retryAfterMs! > 60_000]).toEqual(["rate_limited", true]);
  } finally {
    await small.stop();
  }
});

describe("sweeping a thousand projects", () => {
  const IDLE = 999;

  /** A workspace with one team at work and many that nobody uses, each last heard of at a moment of its own. */
  async function aSweep() {
    const teamId = (await server.team()).id;
    const begun = (await server.as("dana").issue((await server.anIssue()).id)).updatedAt.getTime();
    const marks = new Map([["acme/busy", begun]]);
    const teams = [{ project: "acme/busy", linearTeamId: teamId }];
    for (let index = 0; index < IDLE; index++) {
      teams.push({ project: `acme/idle-${index}`, linearTeamId: `idle-${index}` });
      marks.set(`acme/idle-${index}`, 1_000_000 + (index % 7));
    }
    const asked: (readonly string[])[] = [];
    const known = new Set<string>();
    const counting: Pick<LinearApi, "changedSince"> = {
      changedSince: (ids, since, before) => {
        asked.push(ids);
        return linear.changedSince(ids, since, before);
      },
    };
    const { caller } = aConvex({
      "linear:projects": () => ({
        projects: teams.map((team) => ({ ...team, sweptUntil: marks.get(team.project) ?? 0 })),
        next: null,
      }),
      "linear:sync": ({ issues }) => {
        const fresh = (issues as Issue[]).filter(({ issueId, updatedAt }) => updatedAt > begun && !known.has(issueId));
        for (const { issueId } of fresh) known.add(issueId);
        return { news: fresh.map(({ issueId }) => issueId) };
      },
      "reconcile:swept": ({ project, until }) => {
        marks.set(project as string, Math.max(marks.get(project as string) ?? 0, until as number));
      },
    });
    const repairs = { record: async () => {} };
    const start = () => createLinearSweep({ linear: counting, convex: caller, repairs, log: aLog().log });
    return { sweep: start(), start, asked, known, teamId };
  }

  test("W2: once each has been read, they are asked for a hundred at a time, and what is new in one of them is found", async () => {
    const { sweep, asked, known, teamId } = await aSweep();
    await sweep();
    asked.length = 0;
    const late = await server.anIssue({ title: "Its webhook is lost" });
    expect([await sweep(), known.has(late.id)]).toEqual([1, true]);
    expect(new Set(asked.map((ids) => ids.join())).size).toBe(10); // a busy one may fill several pages
    expect([new Set(asked.flat()).size, asked.flat().includes(teamId)]).toEqual([IDLE + 1, true]);
    expect(await sweep()).toBe(0);
  });

  test("W4: so they are after a start, once they have been read before", async () => {
    const { sweep, start, asked } = await aSweep();
    await sweep();
    asked.length = 0;
    await start()();
    expect(new Set(asked.map((ids) => ids.join())).size).toBe(10);
  });

  test("W1: what could not be read is read from where it was", async () => {
    const { sweep, known } = await aSweep();
    const late = await server.anIssue({ title: "Its webhook is lost" });
    await server.order({ kind: "error", status: 500, match: "issues", times: 1_000 });
    expect(await sweep()).toBe(0);
    await fetch(`${server.url}/__faults`, { method: "DELETE", headers: { "x-omakase-local": "1" } });
    expect([await sweep(), known.has(late.id)]).toEqual([1, true]);
  });

  test("W1: one that is cut off goes on where it was", async () => {
    const begun: number[] = [];
    let at = 1_000_000;
    const endless: Pick<LinearApi, "changedSince"> = {
      changedSince: async (_, since, before) => {
        if (before === null) begun.push(since);
        at += 60_000;
        return { issues: [{ teamId: "busy", updatedAt: at } as Issue], next: "more" };
      },
    };
    const { caller } = aConvex({
      "linear:projects": () => ({
        projects: [{ project: "acme/busy", linearTeamId: "busy", sweptUntil: 1_000_000 }],
        next: null,
      }),
      "linear:sync": () => ({ news: [] }),
      "reconcile:swept": () => null,
    });
    const sweep = createLinearSweep({ linear: endless, convex: caller, repairs: { record: async () => {} }, log: aLog().log });
    await sweep();
    const reached = at;
    await sweep();
    expect(begun).toEqual([1_000_000 - 60_000, reached - 60_000]);
  });
});
