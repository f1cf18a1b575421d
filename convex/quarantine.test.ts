import { describe, expect, test } from "bun:test";
import { api } from "./_generated/api";
import { MAX_TRIES } from "./poison.ts";
import { actorAt, aFeature, aLetter, aWorld, FEATURE, mailOf, PROJECT, refusalOf, take, type World } from "./world.testing.ts";

const BAD = "linear:bad";
let keys = 0;
const aKey = () => `a-key-of-a-client-${++keys}`;

/** A feature whose next event is about to fail. */
async function aBadEvent(): Promise<World> {
  const world = await aWorld();
  await aFeature(world);
  await aLetter(world, FEATURE, BAD, { type: "poke", at: 1, text: "hostile" });
  return world;
}
const fail = (world: World, attempt: string, eventId = BAD) =>
  world.service.mutation(api.quarantine.failed, {
    epochs: world.epochs,
    actor: FEATURE,
    failure: { eventId, sender: { kind: "linear", name: "Linear" }, error: `it throws (${attempt})`, attempt },
  });
const failThrice = async (world: World) => {
  for (const attempt of ["1:1", "1:2", "1:3"]) await fail(world, attempt);
  return world;
};
const release = (
  world: World,
  person: string,
  decision: "retry" | "drop",
  reason = "",
  eventId: string | null = BAD,
  key = aKey(),
) => world.person(person).mutation(api.quarantine.release, { address: FEATURE, decision, eventId, reason, key });
const parked = (world: World) => world.person("vic").query(api.quarantine.ofProject, { project: PROJECT });
/** The feature's mail as it will be taken. */
const inOrder = async (world: World) =>
  (await mailOf(world, FEATURE)).sort((a, b) => a._creationTime - b._creationTime || a._id.localeCompare(b._id));
const auditOf = ({ t }: World) => t.run(({ db }) => db.query("audit").collect());

describe("an event whose step fails", () => {
  test("Q1: is counted once a try, whoever owns its actor; the third parks it, and another event begins anew", async () => {
    const world = await aBadEvent();
    expect(await fail(world, "1:1")).toEqual({ tries: 1, isParked: false });
    expect(await fail(world, "1:1")).toEqual({ tries: 1, isParked: false }); // its answer was lost
    expect(await fail(world, "1:2", "another")).toEqual({ tries: 1, isParked: false });
    expect(await fail(world, "2:1")).toEqual({ tries: 1, isParked: false });
    expect(await fail(world, "3:1")).toEqual({ tries: 2, isParked: false });
    expect(await actorAt(world, FEATURE)).toMatchObject({ status: "active" });
    expect(await fail(world, "3:2")).toEqual({ tries: MAX_TRIES, isParked: true });
    expect(await actorAt(world, FEATURE)).toMatchObject({ status: "parked", sequence: 0 });
    expect(await fail(world, "3:2")).toEqual({ tries: MAX_TRIES, isParked: true });
    expect(await fail(world, "3:3", "another")).toEqual({ tries: MAX_TRIES, isParked: true });
    expect((await parked(world))[0]?.event?.id).toBe(BAD);
    expect((await mailOf(world, FEATURE)).map(({ key, origin }) => `${key} ${origin}`)).toEqual([`${BAD} held`]);
  });

  test("an owner that was replaced cannot count it", async () => {
    const world = await aBadEvent();
    const old = { ...world, epochs: world.epochs.map(({ shard, epoch }) => ({ shard, epoch: epoch - 1 })) };
    expect((await refusalOf(fail(old, "1:1"))).code).toBe("fenced");
  });

  test("Q2: is shown with its content, its sender and its error to every member, and to nobody before the third", async () => {
    const world = await aBadEvent();
    await fail(world, "1:1");
    expect(await parked(world)).toEqual([]);
    await fail(world, "1:2");
    await fail(world, "1:3");
    const [found] = await parked(world);
    expect(found).toMatchObject({ address: FEATURE, kind: "feature" });
    expect(found?.event).toMatchObject({ id: BAD, sender: { kind: "linear" }, error: "it throws (1:3)", tries: 3 });
    expect(found?.event?.json).toContain("hostile");
    expect(found?.reason).toContain("of Linear (linear) failed 3 times: it throws");
    expect(await world.service.query(api.quarantine.find, { project: null })).toEqual([found!]);
  });
});

describe("a person's decision about a parked actor", () => {
  test("Q3: to retry gives the event all its tries again, in its old place, and is audited; again under the same key it changes nothing", async () => {
    const world = await failThrice(await aBadEvent());
    const key = aKey();
    await release(world, "dana", "retry", "it is mended", BAD, key);
    await release(world, "dana", "retry", "it is mended", BAD, key);
    expect(await actorAt(world, FEATURE)).toMatchObject({ status: "active", parkedReason: null });
    const mail = await inOrder(world);
    expect(mail.map((letter) => `${letter.key} ${letter.origin}`)).toEqual([`${BAD} outside`, `command:${key} outside`]);
    expect(mail[0]?.event).toContain("hostile");
    expect(await auditOf(world)).toMatchObject([
      { who: "auth0|dana", what: `retry ${BAD}`, why: "it is mended", actor: FEATURE },
    ]);
    expect(await fail(world, "4:1")).toEqual({ tries: 1, isParked: false });
  });

  test("Q4: to drop leaves the event's key, so that it cannot come back, and says in its place who dropped what and why", async () => {
    const world = await failThrice(await aBadEvent());
    await release(world, "ada", "drop", "nobody needs it");
    const [dropped] = await inOrder(world);
    expect(dropped).toMatchObject({ key: BAD, origin: "outside", cause: { kind: "person", name: "ada" } });
    const event = JSON.parse(dropped?.event ?? "");
    expect(event).toMatchObject({ type: "event.dropped", by: "ada", reason: "nobody needs it", dropped: { tries: 3 } });
    expect(event.dropped.event).toContain("hostile");
    const again = await world.service.mutation(api.mailbox.deliver, {
      deliveries: [{ actor: FEATURE, key: BAD, event: "{}", cause: { kind: "linear", name: "Linear" } }],
    });
    expect(again).toMatchObject({ stored: 0, duplicate: 1 });
    expect(await auditOf(world)).toMatchObject([{ who: "auth0|ada", what: `drop ${BAD}`, why: "nobody needs it" }]);
  });

  test("a timer that is dropped is not armed any more", async () => {
    const world = await aBadEvent();
    const armed = await take(world, FEATURE, { timers: [{ timerId: "late", dueAt: 5 }] });
    const eventId = `timer:late:${armed.kind === "stored" ? armed.sequence : 0}`;
    for (const attempt of ["1:1", "1:2", "1:3"]) await fail(world, attempt, eventId);
    await release(world, "ada", "drop", "late", eventId);
    expect(await world.t.run(({ db }) => db.query("timers").collect())).toEqual([]);
  });

  test("is refused to who may not, without a reason, about something else, and once it is over", async () => {
    const world = await failThrice(await aBadEvent());
    const code = async (call: Promise<unknown>) => (await refusalOf(call)).code;
    expect(await code(release(world, "dana", "drop", "no"))).toBe("forbidden");
    expect(await code(release(world, "vic", "retry"))).toBe("forbidden");
    expect(await code(release(world, "mallory", "retry"))).toBe("forbidden");
    expect(await code(release(world, "ada", "drop", " "))).toBe("badArgument");
    expect(await code(release(world, "ada", "drop", "no", "another"))).toBe("refused");
    await world.service.mutation(api.quarantine.operate, {
      ...{ address: FEATURE, decision: "retry", eventId: BAD, reason: "", key: aKey(), by: "Ops" },
    });
    expect(await code(release(world, "dana", "retry"))).toBe("refused");
    expect((await auditOf(world)).map(({ who }) => who)).toEqual(["operator:Ops"]);
  });

  test("an actor that cannot be used at all has no event to drop", async () => {
    const world = await aBadEvent();
    await world.service.mutation(api.host.park, { epochs: world.epochs, actor: FEATURE, reason: "another version" });
    expect((await parked(world))[0]).toMatchObject({ reason: "another version", event: null });
    expect((await refusalOf(release(world, "ada", "drop", "no", null))).code).toBe("refused");
    await release(world, "dana", "retry", "", null);
    expect(await actorAt(world, FEATURE)).toMatchObject({ status: "active" });
  });
});
