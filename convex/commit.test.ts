import { describe, expect, test } from "bun:test";
import { api } from "./_generated/api";
import { shardOf } from "./shardOf.ts";
import { MAX_TIMERS, type Mail } from "./steps.ts";
import {
  AGENT,
  actorAt,
  aFeature,
  aFeatureBirth,
  aLetter,
  anAgentBirth,
  aStep,
  aWorld,
  commit,
  FEATURE,
  FOREIGN,
  featureView,
  mailOf,
  POKE,
  PROJECT,
  refusalOf,
  runOf,
  take,
  transitionsOf,
} from "./world.testing.ts";

const inTables = ({ t }: Awaited<ReturnType<typeof aWorld>>) =>
  t.run(async ({ db }) => ({
    actors: (await db.query("actors").collect()).length,
    transitions: (await db.query("transitions").collect()).length,
    mailbox: (await db.query("mailbox").collect()).length,
    outbox: (await db.query("outbox").collect()).length,
    timers: (await db.query("timers").collect()).length,
    runs: (await db.query("agentRuns").collect()).length,
  }));

describe("host.commit", () => {
  test("stores a step whole: snapshot, transition, sends, spawns with all they ask for, timers, effects, view", async () => {
    const world = await aWorld();
    const letter = await aLetter(world, PROJECT, "linear:1");
    const born = aFeatureBirth(FEATURE);
    const agent = anAgentBirth(AGENT, {
      timers: [{ timerId: "launch", dueAt: 9000 }],
      sends: [{ index: 7, to: FEATURE, event: POKE }],
    });
    const step = aStep(await actorAt(world, PROJECT), letter, {
      spawns: [born, agent],
      sends: [{ index: 1, to: FEATURE, event: '{"type":"hello"}' }],
      effects: [{ index: 2, kind: "moveIssue", payload: "{}", run: null }],
      timers: [{ timerId: "again", dueAt: 5000 }],
      view: {
        kind: "project",
        state: "active.asking",
        category: "ready",
        label: "Looking",
        mood: "thinking",
        actions: ["pause"],
        running: [FEATURE],
      },
    });
    const { results } = await commit(world, [step]);

    const result = results[0];
    if (result?.kind !== "stored") throw new Error(`not stored: ${result?.kind}`);
    expect(result.sequence).toBe(1);
    expect(result.mail.map(({ actor, key }) => [actor, key])).toEqual([
      [FEATURE, `${AGENT}:0:7`],
      [FEATURE, `${PROJECT}:1:1`],
    ]);
    expect(result.spawned.map(({ address, created }) => [address, created])).toEqual([
      [FEATURE, true],
      [AGENT, true],
    ]);

    const project = await actorAt(world, PROJECT);
    expect(project).toMatchObject({ sequence: 1, snapshot: '{"after":"linear:1"}' });
    expect(await mailOf(world, PROJECT)).toEqual([]);
    expect(await transitionsOf(world, PROJECT)).toMatchObject([
      { sequence: 1, eventId: "linear:1", from: "work.a", to: "work.b", feature: null },
    ]);
    const page = await world.person("vic").query(api.projects.get, { slug: "web" });
    expect(page).toMatchObject({ state: "active.asking", running: [FEATURE] });
    expect(await runOf(world, `${AGENT}:0:0`)).toMatchObject({
      agent: AGENT,
      feature: FEATURE,
      attempt: 1,
      round: 1,
      state: "requested",
    });
    expect(await inTables(world)).toMatchObject({ actors: 4, mailbox: 2, outbox: 2, timers: 2, runs: 1 });
  });

  test("C1: the very same batch again changes nothing and tells again what is still unread", async () => {
    const world = await aWorld();
    const letter = await aLetter(world, PROJECT, "linear:1");
    const sends = [1, 2].map((index) => ({ index, to: FEATURE, event: POKE }));
    const spawns = [aFeatureBirth(FEATURE)];
    const batch = [aStep(await actorAt(world, PROJECT), letter, { sends, spawns })];
    const first = (await commit(world, batch)).results[0];
    const before = await inTables(world);
    const again = (await commit(world, batch)).results[0];

    if (first?.kind !== "stored" || again?.kind !== "duplicate") throw new Error(`${first?.kind}, ${again?.kind}`);
    expect(again).toMatchObject({ sequence: 1, replay: true, mail: first.mail, spawned: first.spawned });
    expect(await inTables(world)).toEqual(before);

    const [unread] = await mailOf(world, FEATURE);
    if (!unread) throw new Error("no mail");
    await commit(world, [aStep(await actorAt(world, FEATURE), { id: unread._id, key: unread.key })]);
    const later = (await commit(world, batch)).results[0];
    expect(later?.kind === "duplicate" && later.mail.map(({ key }) => key)).toEqual([`${PROJECT}:1:2`]);
  });

  test("C1, H2: an event that was consumed is a duplicate at any later sequence, and nothing of the second step exists", async () => {
    const world = await aWorld();
    const letter = await aLetter(world, PROJECT, "linear:1");
    const actor = await actorAt(world, PROJECT);
    await commit(world, [aStep(actor, letter)]);
    await take(world, PROJECT);
    const late = aStep(await actorAt(world, PROJECT), letter, { sends: [{ index: 0, to: PROJECT, event: POKE }] });
    const { results } = await commit(world, [late]);
    expect(results).toEqual([{ kind: "duplicate", sequence: 1, replay: false, mail: [], spawned: [], settled: [] }]);
    expect(await mailOf(world, PROJECT)).toEqual([]);
    expect((await actorAt(world, PROJECT)).sequence).toBe(2);
  });

  test("C1: the same event twice in one batch is applied once", async () => {
    const world = await aWorld();
    const letter = await aLetter(world, PROJECT, "linear:1");
    const actor = await actorAt(world, PROJECT);
    const { results } = await commit(world, [aStep(actor, letter), aStep({ ...actor, sequence: 1 }, letter)]);
    expect(results.map(({ kind }) => kind)).toEqual(["stored", "duplicate"]);
    expect(await transitionsOf(world, PROJECT)).toHaveLength(1);
  });

  test("C1: an event that nobody sent, or that was sent to another actor, is refused", async () => {
    const world = await aWorld();
    await aFeature(world);
    const letter = await aLetter(world, FEATURE, "linear:1");
    const actor = await actorAt(world, PROJECT);
    expect(await refusalOf(commit(world, [aStep(actor, letter)]))).toMatchObject({ code: "unknownEvent", actor: PROJECT });
    const feature = await actorAt(world, FEATURE);
    expect(await refusalOf(commit(world, [aStep(feature, letter, { eventId: "linear:2" })]))).toMatchObject({
      code: "unknownEvent",
    });
    expect(await mailOf(world, FEATURE)).toHaveLength(1);
  });

  test("C1: what is recorded is what the event's row says, whatever a step claims; what is left out of a step is as usual", async () => {
    const world = await aWorld();
    const actor = await actorAt(world, PROJECT);
    const letter = await aLetter(world, PROJECT, "a", { at: 7, type: "poke", by: "Dana" });
    await commit(world, [aStep(actor, letter, { event: POKE, cause: { kind: "person", name: "Mallory" } })]);
    expect(await transitionsOf(world, PROJECT)).toMatchObject([
      {
        event: '{"at":7,"type":"poke","by":"Dana"}',
        cause: { kind: "sweep", name: "test" },
        microsteps: [],
        actions: [],
        ignored: false,
      },
    ]);
    expect(await actorAt(world, PROJECT)).toMatchObject({ machineVersion: actor.machineVersion, status: "active" });

    const stay = aStep(await actorAt(world, PROJECT), await aLetter(world, PROJECT, "b"), { from: "active.idle" });
    const { to: _, ...unmoved } = stay;
    const end = aStep({ ...actor, sequence: 2 }, await aLetter(world, PROJECT, "c"), { machineVersion: "next", status: "done" });
    await commit(world, [unmoved, end]);
    expect((await transitionsOf(world, PROJECT))[1]).toMatchObject({ from: "active.idle", to: "active.idle" });
    expect(await actorAt(world, PROJECT)).toMatchObject({ machineVersion: "next", status: "done" });
  });

  test("C1, Q4: a step on what an event was before it was dropped is refused, and what it says now is applied", async () => {
    const world = await aWorld();
    const letter = await aLetter(world, PROJECT, "a");
    const actor = await actorAt(world, PROJECT);
    const dropped = JSON.stringify({ type: "event.dropped", at: 2, by: "Dana", dropped: { event: POKE } });
    await world.t.run(({ db }) => db.patch(letter.id, { event: dropped, cause: { kind: "person", name: "Dana" } }));
    expect(await refusalOf(commit(world, [aStep(actor, letter)]))).toMatchObject({ code: "unknownEvent", actor: PROJECT });
    expect((await commit(world, [aStep(actor, letter, { eventType: "event.dropped" })])).results).toMatchObject([
      { kind: "stored" },
    ]);
    expect(await transitionsOf(world, PROJECT)).toMatchObject([{ eventType: "event.dropped", event: dropped }]);
  });

  test("C1: an event whose row is not JSON is nobody's", async () => {
    const world = await aWorld();
    const letter = await aLetter(world, PROJECT, "a");
    await world.t.run(({ db }) => db.patch(letter.id, { event: "poke" }));
    expect(await refusalOf(commit(world, [aStep(await actorAt(world, PROJECT), letter)]))).toMatchObject({
      code: "unknownEvent",
    });
  });

  test("C2: a step computed on another sequence is a conflict, and nothing of the batch is stored", async () => {
    const world = await aWorld();
    await aFeature(world);
    const first = await aLetter(world, FEATURE, "a");
    const second = await aLetter(world, PROJECT, "b");
    const before = await inTables(world);
    const wrong = aStep({ ...(await actorAt(world, PROJECT)), sequence: 7 }, second);
    const refused = await refusalOf(commit(world, [aStep(await actorAt(world, FEATURE), first), wrong]));
    expect(refused).toMatchObject({ code: "conflict", actor: PROJECT, sequence: 1 });
    expect(await inTables(world)).toEqual(before);
    expect((await actorAt(world, FEATURE)).sequence).toBe(0);
  });

  test("H3: an epoch that is not current, or none for the actor's shard, is fenced and writes nothing", async () => {
    const world = await aWorld();
    const letter = await aLetter(world, PROJECT, "a");
    const step = aStep(await actorAt(world, PROJECT), letter);
    const fence = { code: "fenced", shard: world.epochs[0]?.shard };
    const stale = world.epochs.map((one) => ({ ...one, epoch: one.epoch - 1 }));
    expect(await refusalOf(commit(world, [step], stale))).toMatchObject(fence);
    const lookedFor = stale.map(({ shard, epoch }) => ({ shard, epoch }));
    expect(await refusalOf(commit(world, [step], lookedFor))).toMatchObject(fence);
    const elsewhere = world.epochs.map((one, index) => ({ ...one, row: world.epochs.at(index - 1)?.row }));
    expect(await refusalOf(commit(world, [step], elsewhere))).toMatchObject(fence);
    expect(await refusalOf(commit(world, [step], []))).toMatchObject({ code: "fenced", shard: shardOf(PROJECT), actor: PROJECT });
    expect(await transitionsOf(world, PROJECT)).toEqual([]);
  });

  test("C4: steps of one actor may follow each other in a batch; the last one's snapshot and view stay", async () => {
    const world = await aWorld();
    const born = aFeatureBirth(FEATURE);
    await aFeature(world, born);
    const actor = await actorAt(world, FEATURE);
    const first = aStep(actor, await aLetter(world, FEATURE, "a"), {
      at: 2000,
      view: featureView(born, {
        state: "waiting",
        enteredState: true,
        wants: "architect",
        ticket: { key: "OMA-9", title: "New", url: "u", priority: 1, labels: [] },
      }),
    });
    const second = aStep({ ...actor, sequence: 1 }, await aLetter(world, FEATURE, "b"), {
      at: 3000,
      view: featureView(born, { state: "waiting", ticket: null, failure: "because" }),
    });
    const { results } = await commit(world, [first, second]);
    expect(results.map((result) => result.kind === "stored" && result.sequence)).toEqual([1, 2]);
    expect(await actorAt(world, FEATURE)).toMatchObject({ sequence: 2, snapshot: '{"after":"b"}' });
    const board = await world.person("vic").query(api.features.board, { project: PROJECT });
    expect(board.cards).toMatchObject([
      { key: "OMA-9", title: "New", state: "waiting", failure: "because", stateSince: 2000, sequence: 2 },
    ]);
    const row = await world.t.run(({ db }) => db.query("features").first());
    expect(row).toMatchObject({ ready: false, priorityRank: 1 });
  });

  test("C4: a view's columns that a step leaves out stay as they are, with what follows from several of them", async () => {
    const world = await aWorld();
    const born = aFeatureBirth(FEATURE, { state: "publishing", wants: "coder", failure: "before" });
    await aFeature(world, born);
    const row = () => world.t.run(({ db }) => db.query("features").first());
    const before = await row();
    const pullRequest = { number: 7, url: "u" };
    await take(world, FEATURE, { at: 5000, view: { kind: "feature", pullRequest, label: "Nearly there" } });
    const { _id, _creationTime, sequence, ...opened } = { ...before!, label: "Nearly there", pullRequest };
    expect(await row()).toMatchObject({ ...opened, sequence: 1, ready: true, hasOpenPull: true });

    await take(world, FEATURE, { at: 6000, view: { kind: "feature", state: "merged", enteredState: true } });
    expect(await row()).toMatchObject({ ...opened, state: "merged", stateSince: 6000, hasOpenPull: false });
    await take(world, FEATURE, { view: { kind: "feature", wants: null, ticket: { title: "New" } } });
    expect(await row()).toMatchObject({ state: "merged", wants: null, ready: false, hasOpenPull: false });
    const { key, url, priority, priorityRank } = before!;
    expect(await row()).toMatchObject({ key, title: "New", url, priority, priorityRank });
    await take(world, FEATURE, { view: { kind: "feature", ticket: { priority: 1 } } });
    expect(await row()).toMatchObject({ title: "New", priority: 1, priorityRank: 1 });
  });

  test("C4: an actor's row keeps what the steps of a batch leave alone", async () => {
    const world = await aWorld();
    const actor = await actorAt(world, PROJECT);
    const first = aStep(actor, await aLetter(world, PROJECT, "a"), { machineVersion: "next", status: "done" });
    const second = aStep({ ...actor, sequence: 1 }, await aLetter(world, PROJECT, "b"), { snapshot: null, status: "done" });
    const third = aStep({ ...actor, sequence: 2 }, await aLetter(world, PROJECT, "c"), { snapshot: null });
    await commit(world, [first, second]);
    const after = { snapshot: '{"after":"a"}', machineVersion: "next" };
    expect(await actorAt(world, PROJECT)).toMatchObject({ sequence: 2, ...after, status: "done" });
    await commit(world, [third]);
    expect(await actorAt(world, PROJECT)).toMatchObject({ sequence: 3, ...after, status: "active" });
  });

  test("C4: the columns that several steps of a batch change are written together", async () => {
    const world = await aWorld();
    await aFeature(world, aFeatureBirth(FEATURE, { state: "publishing" }));
    const actor = await actorAt(world, FEATURE);
    const first = aStep(actor, await aLetter(world, FEATURE, "a"), {
      view: { kind: "feature", pullRequest: { number: 7, url: "u" }, label: "Open" },
    });
    const second = aStep({ ...actor, sequence: 1 }, await aLetter(world, FEATURE, "b"), {
      view: { kind: "feature", state: "closed", failure: "why" },
    });
    await commit(world, [first, second]);
    const row = await world.t.run(({ db }) => db.query("features").first());
    expect(row).toMatchObject({ label: "Open", state: "closed", failure: "why", sequence: 2, hasOpenPull: false });
  });

  test("C3: sends, spawns and rows of another project are refused", async () => {
    const world = await aWorld();
    const actor = await actorAt(world, PROJECT);
    const letter = await aLetter(world, PROJECT, "a");
    const abroad = aStep(actor, letter, { sends: [{ index: 0, to: FOREIGN, event: POKE }] });
    expect(await refusalOf(commit(world, [abroad]))).toMatchObject({ code: "badStep", actor: PROJECT });
    const colony = aStep(actor, letter, { spawns: [aFeatureBirth("rival/app/oma-1")] });
    expect(await refusalOf(commit(world, [colony]))).toMatchObject({ code: "badStep", actor: PROJECT });
    const lookalike = aStep(actor, letter, { sends: [{ index: 0, to: `${PROJECT}2/oma-1`, event: POKE }] });
    expect(await refusalOf(commit(world, [lookalike]))).toMatchObject({ code: "badStep", actor: PROJECT });
  });

  test("C5, H5: one step that cannot be stored is named, and its neighbours are stored without it", async () => {
    const world = await aWorld();
    await aFeature(world);
    const good = aStep(await actorAt(world, FEATURE), await aLetter(world, FEATURE, "a"));
    const bad = aStep(await actorAt(world, PROJECT), await aLetter(world, PROJECT, "b"), { snapshot: "x".repeat(400_000) });
    expect(await refusalOf(commit(world, [good, bad]))).toMatchObject({ code: "badStep", actor: PROJECT });
    expect((await commit(world, [good])).results).toMatchObject([{ kind: "stored" }]);
    expect(await refusalOf(commit(world, [bad]))).toMatchObject({ code: "badStep", actor: PROJECT });
  });

  test("C5: a view of another kind than its actor's is that actor's fault", async () => {
    const world = await aWorld();
    const step = aStep(await actorAt(world, PROJECT), await aLetter(world, PROJECT, "a"), {
      view: featureView(aFeatureBirth(FEATURE)),
    });
    expect(await refusalOf(commit(world, [step]))).toMatchObject({ code: "badStep", actor: PROJECT });
  });

  test("an address that has an actor is left alone, with everything its birth asks for", async () => {
    const world = await aWorld();
    await aFeature(world);
    const twin = { ...aFeatureBirth(FEATURE), snapshot: '"other"', sends: [{ index: 0, to: PROJECT, event: POKE }] };
    const result = await take(world, PROJECT, { spawns: [twin] });
    if (result.kind !== "stored") throw new Error(result.kind);
    expect(result.spawned).toMatchObject([{ address: FEATURE, created: false }]);
    expect(result.mail).toEqual([]);
    expect((await actorAt(world, FEATURE)).snapshot).toBe("{}");
  });

  test("an event that was ignored is recorded and leaves the snapshot as it was", async () => {
    const world = await aWorld();
    const before = await actorAt(world, PROJECT);
    await take(world, PROJECT, { snapshot: null, ignored: true, machineVersion: before.machineVersion });
    expect(await actorAt(world, PROJECT)).toEqual({ ...before, sequence: 1 });
    expect(await transitionsOf(world, PROJECT)).toMatchObject([{ ignored: true, sequence: 1 }]);
  });
});

describe("timers", () => {
  const timerStep = (actor: Parameters<typeof aStep>[0], timerId: string, armedSequence: number) =>
    aStep(
      actor,
      { id: "" as never, key: `timer:${timerId}:${armedSequence}` },
      { source: { kind: "timer", timerId, armedSequence }, event: POKE },
    );
  const timersOf = (world: Awaited<ReturnType<typeof aWorld>>) =>
    world.t.run(async ({ db }) =>
      (await db.query("timers").collect()).map(({ timerId, dueAt, armedSequence }) => [timerId, dueAt, armedSequence]),
    );

  test("are armed, armed again and cancelled by id", async () => {
    const world = await aWorld();
    await take(world, PROJECT, {
      timers: [
        { timerId: "x", dueAt: 10 },
        { timerId: "y", dueAt: 20 },
      ],
    });
    await take(world, PROJECT, {
      timers: [
        { timerId: "x", dueAt: 30 },
        { timerId: "y", dueAt: null },
        { timerId: "z", dueAt: null },
      ],
    });
    expect(await timersOf(world)).toEqual([["x", 30, 2]]);
  });

  test("H2: fire once; a second firing is a duplicate, one of an earlier arming is stale", async () => {
    const world = await aWorld();
    await take(world, PROJECT, { timers: [{ timerId: "x", dueAt: 10 }] });
    const fired = timerStep(await actorAt(world, PROJECT), "x", 1);
    expect((await commit(world, [fired])).results).toMatchObject([{ kind: "stored", sequence: 2 }]);
    expect((await commit(world, [fired])).results).toMatchObject([{ kind: "duplicate", sequence: 2, replay: true }]);
    expect(await timersOf(world)).toEqual([]);

    await take(world, PROJECT, { timers: [{ timerId: "x", dueAt: 10 }] });
    await take(world, PROJECT, { timers: [{ timerId: "x", dueAt: 40 }] });
    expect((await commit(world, [timerStep(await actorAt(world, PROJECT), "x", 3)])).results).toEqual([{ kind: "stale" }]);
    expect(await timersOf(world)).toEqual([["x", 40, 4]]);
  });

  test("the step of a timer cancels others of its actor, arms new ones and itself again", async () => {
    const world = await aWorld();
    const set = (timerId: string, dueAt: number | null) => ({ timerId, dueAt });
    await take(world, PROJECT, { timers: [set("x", 10), set("y", 20), set("z", 30)] });
    const fired = timerStep(await actorAt(world, PROJECT), "x", 1);
    await commit(world, [{ ...fired, timers: [set("x", 40), set("y", null), set("z", 50), set("new", 60)] }]);
    expect((await timersOf(world)).sort()).toEqual([
      ["new", 60, 2],
      ["x", 40, 2],
      ["z", 50, 2],
    ]);
  });

  test("an actor that has as many timers as it may is refused one more, unless one fires or is cancelled for it", async () => {
    const world = await aWorld();
    const set = (timerId: string, dueAt: number | null) => ({ timerId, dueAt });
    await take(world, PROJECT, { timers: Array.from({ length: MAX_TIMERS }, (_, index) => set(`t${index}`, index)) });
    expect((await refusalOf(take(world, PROJECT, { timers: [set("more", 1)] }))).code).toBe("badStep");
    await take(world, PROJECT, { timers: [set("instead", 1), set("t0", null)] });
    const fired = timerStep(await actorAt(world, PROJECT), "t1", 1);
    await commit(world, [{ ...fired, timers: [set("after", 2)] }]);
    const timers = (await timersOf(world)).map(([timerId]) => timerId);
    expect(timers).toHaveLength(MAX_TIMERS);
    expect(timers).toEqual(expect.arrayContaining(["instead", "after"]));
    expect(timers).not.toContain("t0");
    expect(timers).not.toContain("t1");
  });

  test("H2: a timer's event has the one key that names its arming", async () => {
    const world = await aWorld();
    await take(world, PROJECT, { timers: [{ timerId: "x", dueAt: 10 }] });
    const forged = { ...timerStep(await actorAt(world, PROJECT), "x", 1), eventId: "timer:x:again" };
    expect(await refusalOf(commit(world, [forged]))).toMatchObject({ code: "badStep" });
  });
});

describe("any order of calls", () => {
  /** A small generator, so that a failure can be played again. */
  const random = (seed: number) => () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return seed / 2 ** 31;
  };

  test.each([1, 2, 3, 4])(
    "H2, H3: repeated, reordered and bisected batches apply every event once, without a gap (seed %p)",
    async (seed) => {
      const world = await aWorld();
      const next = random(seed);
      const actor = await actorAt(world, PROJECT);
      const letters: Mail[] = [];
      for (let index = 0; index < 8; index++) letters.push(await aLetter(world, PROJECT, `event:${index}`));
      // Steps computed on every sequence, for every event: most are wrong by the time they come.
      for (let call = 0; call < 120; call++) {
        const known = next() < 0.6 ? (await actorAt(world, PROJECT)).sequence : Math.floor(next() * 8);
        const size = 1 + Math.floor(next() * 3);
        const batch = Array.from({ length: size }, (_, index) => {
          const letter = letters[Math.floor(next() * letters.length)];
          if (!letter) throw new Error("no letter");
          return aStep({ ...actor, sequence: known + index }, letter, { sends: [{ index: 0, to: PROJECT, event: POKE }] });
        });
        await commit(world, batch).catch((error: unknown) => {
          if (!String(error).includes("conflict")) throw error;
        });
      }
      const log = await transitionsOf(world, PROJECT);
      expect(log.map(({ sequence }) => sequence)).toEqual(log.map((_, index) => index + 1));
      expect(new Set(log.map(({ eventId }) => eventId)).size).toBe(log.length);
      expect((await actorAt(world, PROJECT)).sequence).toBe(log.length);
      const unread = (await mailOf(world, PROJECT)).map(({ key }) => key);
      expect(unread.filter((key) => key.startsWith(PROJECT))).toHaveLength(log.length);
      expect(log.length + unread.filter((key) => key.startsWith("event:")).length).toBe(letters.length);
    },
  );
});
