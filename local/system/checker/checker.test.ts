// The checker against histories that are broken in one place each. The sound ones come from the simulation: whole pipelines over the
// tables in memory, read the way a deployment's are.

import { beforeAll, describe, expect, test } from "bun:test";
import { begin, branchOf, DEFAULT_SETTINGS, MACHINE_VERSIONS, persist, projectMachine } from "@omakase/machines";
import { aTicket, FEATURE, PROJECT } from "@omakase/machines/testing/builders";
import { Deployment } from "../../../orchestrator/testing/deployment.ts";
import { check } from "./check.ts";
import { commentIdOf, starterOf, tokenOf } from "./far-ends.ts";
import { formatViolation, type History, type Tables } from "./history.ts";

/** One ticket from its appearance to its pull request. */
async function aHistory(): Promise<History> {
  const world = new Deployment();
  const input = { address: PROJECT, limits: { features: 0, perRole: {} }, settings: DEFAULT_SETTINGS };
  world.tables.seed(PROJECT, MACHINE_VERSIONS.project, persist(projectMachine, begin(projectMachine, input).snapshot));
  world.send(PROJECT, "seed:limits", { type: "limits.changed", by: "Seeding", limits: { features: 3, perRole: {} } });
  const featureId = FEATURE.split("/").at(-1) ?? "";
  const ticket = aTicket({ stateType: "unstarted", updatedAt: 1 });
  world.send(PROJECT, "linear:1", { type: "ticket.appeared", featureId, ticket });
  world.start();
  const isDone = () =>
    [...world.tables.outbox.values()].some(({ kind, state }) => kind === "announceToDependents" && state === "done");
  await world.until("it is passing", isDone, 600_000);
  await world.pass(120_000);
  const { tables, ends } = world;
  const outbox = [...tables.outbox.values()];
  const run = outbox.filter(({ kind }) => kind === "runTask");
  return {
    tables: {
      projects: [{ address: PROJECT, settings: DEFAULT_SETTINGS }],
      actors: [...tables.actors.values()].map((row) => ({ ...row, bornOf: row.bornOf === "seed" ? null : row.bornOf })),
      features: [],
      transitions: [...tables.transitions],
      mailbox: [...tables.mailbox.values()],
      timers: [...tables.timers.values()],
      outbox,
      agentRuns: run.map(({ actor, effectId }) => ({
        ...{ agent: actor, effectId, startedBy: starterOf(effectId), state: "ended" },
        taskArn: ends.launches.find((launch) => launch.effectId === effectId)?.taskArn ?? null,
      })),
      webhookDeliveries: [{ source: "linear", deliveryId: "1", outcome: "changed" }],
    },
    ends: {
      launches: ends.launches.map(({ effectId, token }, seq) => {
        const startedBy = starterOf(effectId);
        return { seq, isNew: true, clientToken: token, startedBy, overridesHash: effectId };
      }),
      started: ends.launches.map(({ effectId, taskArn }, seq) => ({ seq, taskArn, startedBy: starterOf(effectId) })),
      pullRequests: ends.made.filter((name) => name.startsWith("pull")).map((_, seq) => ({ seq, head: branchOf(FEATURE) })),
      closings: [],
      comments: ends.made.filter((name) => !name.startsWith("pull")).map((id, seq) => ({ seq, id })),
      moves: [],
    },
    acknowledged: [
      { kind: "delivery", source: "linear", deliveryId: "1", becomes: ["linear:1"] },
      ...run.map(({ actor, effectId }) => ({ kind: "event", actor, key: `report:${effectId}` }) as const),
      ...ends.launches.map(
        ({ effectId, taskArn }) => ({ kind: "task", startedBy: starterOf(effectId), taskArn, lastStatus: "STOPPED" }) as const,
      ),
    ],
    isAtRest: true,
    now: tables.now(),
  };
}

let sound: History;
beforeAll(async () => {
  sound = await aHistory();
});

const found = (history: History) => check(history).map(formatViolation);
const withTables = (change: (tables: Tables) => Partial<Tables>): History => ({
  ...sound,
  tables: { ...sound.tables, ...change(sound.tables) },
});
const withEnds = (change: (ends: History["ends"]) => Partial<History["ends"]>): History => ({
  ...sound,
  ends: { ...sound.ends, ...change(sound.ends) },
});
/** One element changed, left out (null) or there twice (an array). */
const changed = <Row>(rows: readonly Row[], at: number, to: (row: Row) => Row | null | Row[]): Row[] =>
  rows.flatMap((row, index) => {
    if (index !== at) return [row];
    const next = to(row);
    return next === null ? [] : Array.isArray(next) ? next : [next];
  });

const ofKind = (kind: string) => sound.tables.outbox.findIndex((row) => row.kind === kind);
const coder = (tables: Tables) => tables.transitions.filter(({ actor }) => actor.endsWith("/coder-1"));
/** Without the row at `at` of the feature's log, and the rest renumbered: no gap shows. */
function withoutStep(tables: Tables, at: (row: Tables["transitions"][number]) => boolean): Partial<Tables> {
  const gone = tables.transitions.find(at);
  if (!gone) throw new Error("there is no such step");
  const isLater = (row: { actor: string; sequence: number }) => row.actor === gone.actor && row.sequence > gone.sequence;
  return {
    transitions: tables.transitions
      .filter((row) => row !== gone)
      .map((row) => (isLater(row) ? { ...row, sequence: row.sequence - 1 } : row)),
    actors: tables.actors.map((row) => (row.address === gone.actor ? { ...row, sequence: row.sequence - 1 } : row)),
  };
}

describe("the checker", () => {
  test("finds nothing wrong with a sound history, of four agents or more and a pull request", () => {
    expect(found(sound)).toEqual([]);
    expect(sound.ends.launches.length).toBeGreaterThanOrEqual(4);
    expect([sound.ends.pullRequests.length, sound.ends.comments.length]).toEqual([1, 1]);
    expect(sound.tables.timers).toEqual([]);
  });

  test("P5: a pull request is neither opened nor missed when its feature was cancelled before, and one that came too late may be closed", () => {
    const row = { address: FEATURE, issueId: "i", branch: branchOf(FEATURE), state: "cancelled" };
    const cancelled = withTables(() => ({ features: [row] }));
    const head = branchOf(FEATURE);
    expect(found({ ...cancelled, ends: { ...cancelled.ends, pullRequests: [] } })).toEqual([]);
    expect(found({ ...cancelled, ends: { ...cancelled.ends, closings: [{ seq: 9, head }] } })).toEqual([]);
  });

  const BROKEN: readonly (readonly [string, RegExp, () => History])[] = [
    [
      "I1: an acknowledged delivery is not stored",
      /^I1.*delivery 1 was acknowledged and is not stored/,
      () => withTables(() => ({ webhookDeliveries: [] })),
    ],
    [
      "I1: an acknowledged delivery is stored, and its event is nowhere",
      /^I1.*its event is nowhere/,
      () => withTables((tables) => withoutStep(tables, ({ eventId }) => eventId === "linear:1")),
    ],
    [
      "I1: an acknowledged report is nowhere",
      /^I1 acme\/shop\/oma-1\/\S+: report:\S+ was acknowledged/,
      () => withTables((tables) => withoutStep(tables, ({ eventId }) => eventId.startsWith("report:"))),
    ],
    [
      "I1: the end of a task was acknowledged and is nowhere",
      /^I1.*the end of task-\d was acknowledged/,
      () => withTables((tables) => withoutStep(tables, ({ eventId }) => eventId.endsWith(":STOPPED"))),
    ],
    [
      "I1: an event is taken twice",
      /^I1 \S+ step \d+: took \S+ at step \d+ and again/,
      () =>
        withTables((tables) => {
          const first = coder(tables)[0];
          return {
            transitions: tables.transitions.map((row) =>
              row === coder(tables)[1] ? { ...row, eventId: first?.eventId ?? "" } : row,
            ),
          };
        }),
    ],
    [
      "I2: a step is missing",
      /^I2 \S+ step \d+: step \d+ is missing/,
      () => withTables(({ transitions }) => ({ transitions: changed(transitions, 3, () => null) })),
    ],
    [
      "I2: a sequence is there twice",
      /^I2.*there twice/,
      () =>
        withTables(({ transitions }) => ({
          transitions: changed(transitions, 5, (row) => [row, { ...row, eventId: "another" }]),
        })),
    ],
    [
      "I2: a row is ahead of its log",
      /^I2.*its row is at/,
      () => withTables(({ actors }) => ({ actors: changed(actors, 1, (row) => ({ ...row, sequence: row.sequence + 1 })) })),
    ],
    [
      "I3: a snapshot is not what its log leads to",
      /^I3 acme\/shop\/oma-1 step \d+: its log does not lead/,
      () =>
        withTables(({ actors }) => ({
          actors: actors.map((row) =>
            row.address === FEATURE ? { ...row, snapshot: row.snapshot.replace(/"costUsd":[^,}]+/, '"costUsd":99') } : row,
          ),
        })),
    ],
    [
      "I3: an actor nobody spawned",
      /^I3 acme\/shop\/oma-9: nobody spawned it/,
      () => withTables(({ actors }) => ({ actors: [...actors, { ...actors[1]!, address: "acme/shop/oma-9", sequence: 0 }] })),
    ],
    [
      "I3: an effect asked for is not in the outbox",
      /^I3 \S+ step \d+ effect \S+: was asked for and is not/,
      () => withTables(({ outbox }) => ({ outbox: changed(outbox, ofKind("moveIssue"), () => null) })),
    ],
    [
      "I3: an effect nobody asked for",
      /^I3 \S+ effect acme\/shop\/oma-1:99:0: is in the outbox/,
      () => withTables(({ outbox }) => ({ outbox: [...outbox, { ...outbox[0]!, actor: FEATURE, effectId: `${FEATURE}:99:0` }] })),
    ],
    [
      "H4: a payload is not the one asked for",
      /^H4 \S+ step \d+ effect \S+: the outbox has another payload/,
      () =>
        withTables(({ outbox }) => ({
          outbox: changed(outbox, ofKind("moveIssue"), (row) => ({ ...row, payload: '{"issueId":"other"}' })),
        })),
    ],
    [
      "I4: an effect launches two tasks",
      /^I4 \S+ effect \S+: has launched task 2/,
      () => withEnds(({ launches }) => ({ launches: [...launches, { ...launches[0]!, seq: 99 }] })),
    ],
    [
      "I4: a task nobody asked for",
      /^I4: ECS's entry 99 launched a task that no effect asked for/,
      () =>
        withEnds(({ launches }) => ({ launches: [...launches, { ...launches[0]!, seq: 99, clientToken: tokenOf("nobody") }] })),
    ],
    [
      "I4: a launch that is done never reached ECS",
      /^I4 \S+ effect \S+: is done, and ECS never launched/,
      () => withEnds(({ launches }) => ({ launches: launches.slice(1) })),
    ],
    [
      "I4: an effect starts two containers",
      /^I4 \S+ effect \S+: has started container 2/,
      () => withEnds(({ started }) => ({ started: [...started, { ...started[0]!, seq: 99 }] })),
    ],
    [
      "H4: a launch is repeated with other parameters",
      /^H4 \S+ effect \S+: was launched with other parameters/,
      () =>
        withEnds(({ launches }) => ({
          launches: [...launches, { ...launches[0]!, seq: 99, isNew: false, overridesHash: "other" }],
        })),
    ],
    [
      "I5: an effect is never settled",
      /^I5 \S+ effect \S+: moveIssue was never settled/,
      () =>
        withTables(({ outbox }) => ({ outbox: changed(outbox, ofKind("moveIssue"), (row) => ({ ...row, state: "pending" })) })),
    ],
    [
      "I6: a timer is taken that is not armed",
      /^I6 \S+ step \d+: took the timer/,
      () =>
        withTables(({ transitions }) => {
          const at = transitions.findIndex(({ actor }) => actor.endsWith("/coder-1"));
          const eventId = "timer:xstate.after.checkAfterMs.agent.running.listening:77";
          return { transitions: changed(transitions, at, (row) => ({ ...row, eventId })) };
        }),
    ],
    [
      "I6: a timer row nobody armed",
      /^I6 \S+ step 3: has the timer ghost, which it did not arm/,
      () => withTables(() => ({ timers: [{ actor: FEATURE, timerId: "ghost", armedSequence: 3, dueAt: 0 }] })),
    ],
    [
      "I7: a replaced owner stores a step",
      /^I7 \S+ step \d+: was stored by epoch 0 of shard \d+ after one of 1/,
      () => withTables(({ transitions }) => ({ transitions: changed(transitions, 9, (row) => ({ ...row, epoch: 0 })) })),
    ],
    [
      "I8: a send is nowhere",
      /^I8 \S+ step \d+: what it sent to \S+ is nowhere/,
      () =>
        withTables((tables) => {
          const at = tables.transitions.findIndex(({ eventId }) => eventId.startsWith(`${FEATURE}:`));
          return { transitions: changed(tables.transitions, at, (row) => ({ ...row, eventId: "another" })) };
        }),
    ],
    [
      "I8: a send arrives as something else",
      /^I8 \S+ step \d+: what it sent to \S+ arrived as something else/,
      () =>
        withTables((tables) => {
          const at = tables.transitions.findIndex(({ eventId }) => eventId.startsWith(`${FEATURE}:`));
          return {
            transitions: changed(tables.transitions, at, (row) => ({ ...row, event: row.event.replace('"at":', '"at":1') })),
          };
        }),
    ],
    [
      "I8: a letter was taken and still waits",
      /^I8 \S+: linear:1 was taken and still waits/,
      () => withTables(() => ({ mailbox: [{ actor: PROJECT, key: "linear:1", event: "{}" }] })),
    ],
    [
      "I8: a letter is never taken",
      /^I8 \S+: late was never taken/,
      () => withTables(() => ({ mailbox: [{ actor: PROJECT, key: "late", event: "{}" }] })),
    ],
    [
      "I9: an agent never ends",
      /^I9 acme\/shop\/oma-1\/coder-1 step \d+: never came to its end/,
      () =>
        withTables(({ actors }) => ({
          actors: actors.map((row) => (row.address.endsWith("/coder-1") ? { ...row, status: "active" } : row)),
        })),
    ],
    [
      "I9: a run never ends",
      /^I9 \S+ effect \S+: its run is still claimed/,
      () => withTables(({ agentRuns }) => ({ agentRuns: changed(agentRuns, 0, (row) => ({ ...row, state: "claimed" })) })),
    ],
    [
      "P5: a second comment",
      /^P5 \S+ effect \S+: has commented again/,
      () => withEnds(({ comments }) => ({ comments: [...comments, { ...comments[0]!, seq: 99 }] })),
    ],
    [
      "P5: a comment nobody asked for",
      /^P5: Linear's entry 99 is a comment that no effect asked for/,
      () => withEnds(({ comments }) => ({ comments: [...comments, { seq: 99, id: commentIdOf("nobody") }] })),
    ],
    [
      "P5: a comment that is done is not there",
      /^P5 \S+ effect \S+: is done, and its comment is not in Linear/,
      () => withEnds(() => ({ comments: [] })),
    ],
    [
      "P5: a second pull request of a branch",
      /^P5 \S+ effect \S+: 2 pull requests were opened of agent\/oma-1, and 1 asked for/,
      () => withEnds(({ pullRequests }) => ({ pullRequests: [...pullRequests, ...pullRequests] })),
    ],
    [
      "P5: a pull request that is done is not there",
      /^P5 \S+ effect \S+: is done, and there is no pull request/,
      () => withEnds(() => ({ pullRequests: [] })),
    ],
    [
      "P5: a pull request that is wanted is closed",
      /^P5.*GitHub's entry 9 closes the pull request of agent\/oma-1, and nobody asked for that/,
      () => withEnds(() => ({ closings: [{ seq: 9, head: branchOf(FEATURE) }] })),
    ],
    [
      "P5: an issue is moved more often than asked for",
      /^P5 \S+: Linear's entry 9 moves its issue to In Review: move 3, and 2 were asked for/,
      () =>
        withEnds(() => {
          const { issueId } = JSON.parse(sound.tables.outbox[ofKind("moveIssue")]?.payload ?? "{}") as { issueId: string };
          return { moves: [7, 8, 9].map((seq) => ({ seq, issueId, to: "In Review" })) };
        }),
    ],
  ];

  test.each(BROKEN)("rejects: %s", (_, says, broken) => {
    expect(found(broken()).filter((line) => says.test(line))).not.toEqual([]);
  });

  test("a history that still moves may have open effects and unread letters, and nothing else", () => {
    const mailbox = [{ actor: PROJECT, key: "late", event: "{}" }];
    expect(found({ ...withTables(() => ({ mailbox })), isAtRest: false })).toEqual([]);
    expect(found({ ...withEnds(({ launches }) => ({ launches: [...launches, ...launches] })), isAtRest: false })).not.toEqual([]);
  });

  test("the order of fields is no difference: a table does not keep it", () => {
    const reversed = (json: string) => JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(json)).reverse()));
    const history = withTables(({ actors }) => ({ actors: actors.map((row) => ({ ...row, snapshot: reversed(row.snapshot) })) }));
    expect(found(history)).toEqual([]);
  });
});
