// The host's tables in memory, with the promises of convex/host.ts: every call is a transaction, whole or not at all, and may be made
// again. Written from docs/design/data.md, not from the code it stands in for. Guards can be taken out one at a time, to see that the
// checker misses them.

import { actorKind } from "@omakase/machines";
import { type Failure, isPoison, parkedBecause, troubleAfter } from "../../convex/poison.ts";
import { shardOf } from "../../convex/shardOf.ts";
import {
  type Actor,
  type Answer,
  type Epoch,
  type Mail,
  type Posted,
  type Settled,
  type Settlement,
  type Step,
  type StepResult,
  type WholeStep,
  wholeStep,
} from "../../convex/steps.ts";
import { Conflict, Fenced, Refused } from "../store/host-store.ts";
import { Ownership } from "./ownership.ts";
import { type ActorRow, type MailRow, type OutboxRow, Rows } from "./rows.ts";

export type Guard = "epoch" | "receipt" | "sequence" | "settledOnce" | "armedSequence";

type Asks = Pick<WholeStep, "sends" | "effects" | "timers">;
type Ending = Pick<Settlement, "state" | "error" | "answer"> & { mail: Answer[] };

export class Tables extends Rows {
  readonly ownership: Ownership;
  readonly without = new Set<Guard>();
  /** Works out what the commit that asks answers, by kind of effect. */
  readonly questions = new Map<string, (row: OutboxRow) => Ending>();
  #ids = 0;

  /** @param elapsed true time, when the store's clock may jump: for the checker */
  constructor(
    readonly now: () => number,
    private readonly elapsed = now,
  ) {
    super();
    this.ownership = new Ownership(this, now);
  }

  commit(epochs: readonly Epoch[], steps: readonly Step[]): StepResult[] {
    return this.transaction(() => {
      this.fence(epochs);
      const whole = steps.map(wholeStep);
      const results = whole.map((step) => this.#apply(step, epochs));
      whole.forEach((step, index) => {
        const result = results[index];
        if (result && result.kind !== "stale") result.settled.push(...this.#settled(step, result));
      });
      return results;
    });
  }

  settle(epochs: readonly Epoch[], settlements: readonly Settlement[]): Settled[] {
    return this.transaction(() => {
      this.fence(epochs);
      return settlements.map((settlement) => this.settleWith(settlement.effectId, () => ({ ...settlement, mail: [] })));
    });
  }

  /** Ends an effect with an answer worked out only while it is pending. Inside a transaction. */
  settleWith(effectId: string, work: (row: OutboxRow) => Ending): Settled {
    const row = this.outbox.get(effectId);
    if (!row) return { kind: "unknown", effectId };
    const key = `effect:${effectId}`;
    if (row.state !== "pending" && !this.without.has("settledOnce")) return this.#already(effectId);
    const { state, error, answer, mail } = work(row);
    this.put(this.outbox, effectId, { ...row, state, error, settled: row.settled + 1 });
    const cause = { kind: "effect", name: row.kind } as const;
    const answered = answer === null ? [] : [{ ...this.post(row.actor, key, answer, cause), event: answer }];
    return { kind: "settled", effectId, mail: [...answered, ...mail] };
  }

  #already(effectId: string): Settled {
    const unread = [...this.mailbox.values()].filter(
      (mail) => mail.key === `effect:${effectId}` || mail.key.startsWith(`${effectId}:`),
    );
    return { kind: "already", effectId, mail: unread.map(({ id, actor, key, event }) => ({ id, actor, key, event })) };
  }

  /** Of the effects of a step, those that are over: questions are answered now, of what the whole batch has left. */
  #settled(step: WholeStep, { sequence, spawned, ...result }: Exclude<StepResult, { kind: "stale" }>): Settled[] {
    if (result.kind === "duplicate" && !result.replay) return [];
    const born = step.spawns.filter(({ address }) => spawned.some((one) => one.created && one.address === address));
    const asked = [
      ...born.flatMap(({ address, effects }) => effects.map(({ index }) => askId(address, 0, index))),
      ...step.effects.map(({ index }) => askId(step.actor, sequence, index)),
    ];
    return asked.flatMap((effectId) => {
      const row = this.outbox.get(effectId);
      if (!row) return [];
      if (row.state !== "pending") return [this.#already(effectId)];
      const answer = this.questions.get(row.kind);
      return answer ? [this.settleWith(effectId, answer)] : [];
    });
  }

  park(epochs: readonly Epoch[], address: string, reason: string): void {
    this.transaction(() => {
      this.fence(epochs);
      const row = this.actors.get(address);
      if (!row) throw new Refused(`there is no actor ${address}`, "unknownActor");
      this.put(this.actors, address, { ...row, status: "parked", parkedReason: reason });
      this.#moveMail(address, "held");
    });
  }

  fail(epochs: readonly Epoch[], address: string, failure: Failure): { tries: number; isParked: boolean } {
    return this.transaction(() => {
      this.fence(epochs);
      const row = this.actors.get(address);
      if (!row) throw new Refused(`there is no actor ${address}`, "unknownActor");
      const known = this.troubles.get(address) ?? null;
      if (row.status === "parked") return { tries: known?.tries ?? 0, isParked: true };
      const trouble = troubleAfter(known, failure, this.now());
      this.put(this.troubles, address, trouble);
      const isParked = isPoison(trouble);
      if (isParked) {
        this.put(this.actors, address, { ...row, status: "parked", parkedReason: parkedBecause(trouble) });
        this.#moveMail(address, "held");
      }
      return { tries: trouble.tries, isParked };
    });
  }

  /** A person's decision about a parked actor: its event is tried again, or given up for a word of who did that. */
  decide(address: string, decision: "retry" | "drop"): void {
    this.transaction(() => {
      const row = this.actors.get(address);
      if (row?.status !== "parked") return;
      const eventId = this.troubles.get(address)?.eventId;
      const letter = { type: "event.dropped", at: this.now(), by: "Dana" };
      for (const mail of this.mailbox.values())
        if (decision === "drop" && mail.actor === address && mail.key === eventId)
          this.put(this.mailbox, mail.id, { ...mail, event: JSON.stringify(letter) });
      this.put(this.actors, address, { ...row, status: "active", parkedReason: null });
      this.remove(this.troubles, address);
      this.#moveMail(address, "outside");
      const released = JSON.stringify({ ...letter, type: "actor.released" });
      this.#insertMail(address, `command:${this.#ids}`, released, { kind: "person", name: "Dana" }, "outside");
    });
  }

  /** Mail from outside. */
  deliver(actor: string, key: string, event: string, cause: Mail["cause"]): "stored" | "duplicate" | "unknown" {
    return this.transaction(() => {
      const row = this.actors.get(actor);
      if (!row) return "unknown";
      if (
        this.receipts.has(receipt(actor, key)) ||
        [...this.mailbox.values()].some((mail) => mail.actor === actor && mail.key === key)
      )
        return "duplicate";
      this.#insertMail(actor, key, event, cause, row.status === "parked" ? "held" : "outside");
      return "stored";
    });
  }

  /** Makes an actor nobody spawned. */
  seed(address: string, machineVersion: string, snapshot: string): void {
    this.transaction(() =>
      this.#insertActor(address, { machineVersion, snapshot, status: "active", bornOf: "seed", view: null }),
    );
  }

  /** Mail of the owner's own. Inside a transaction. */
  post(actor: string, key: string, event: string, cause: Mail["cause"]): Posted {
    return { id: this.#insertMail(actor, key, event, cause, "own"), actor, key };
  }

  /** @throws {Fenced} */
  fence(epochs: readonly Epoch[]): void {
    if (this.without.has("epoch")) return;
    for (const { shard, epoch } of epochs) if (this.shards.get(shard)?.epoch !== epoch) throw new Fenced(shard);
  }

  #apply(step: WholeStep, epochs: readonly Epoch[]): StepResult {
    const { source, actor: address, eventId, eventType } = step;
    const letter = source.kind === "mail" ? this.mailbox.get(source.id) : undefined;
    const isPending =
      source.kind === "mail"
        ? letter?.key === eventId && JSON.parse(letter.event).type === eventType
        : this.#isArmed(address, source.timerId, source.armedSequence);
    if (!isPending && !(this.without.has("receipt") && source.kind === "mail")) return this.#repeated(step);
    const actor = this.actors.get(address);
    if (!actor) throw new Refused(`there is no actor ${address}`, "unknownActor");
    const epoch = epochs.find(({ shard }) => shard === actor.shard);
    if (!epoch) throw new Fenced(actor.shard);
    if (actor.status === "parked") throw new Refused(`${address} is parked`, "parked");
    if (actor.sequence !== step.expectedSequence && !this.without.has("sequence")) throw new Conflict(address);
    const sequence = step.expectedSequence + 1;
    if (source.kind === "mail") this.remove(this.mailbox, source.id);
    else this.remove(this.timers, timerKey(address, source.timerId));
    const { event, cause } = this.#eventOf(step, letter);
    const { at, ignored, from, to } = step;
    const row = { actor: address, sequence, eventId, eventType, event, cause, at, ignored, from, to };
    this.append({ ...row, epoch: epoch.epoch, storedAt: this.elapsed() });
    this.put(this.receipts, receipt(address, eventId), sequence);
    const { snapshot, machineVersion, status, view } = step;
    this.put(this.actors, address, {
      ...actor,
      sequence,
      snapshot: snapshot ?? actor.snapshot,
      machineVersion: machineVersion ?? actor.machineVersion,
      status,
      view: shown(actor.view, view),
    });
    const mail: Posted[] = [];
    const spawned = step.spawns.map((spawn) => {
      const existing = this.actors.get(spawn.address);
      if (existing) return { address: spawn.address, actorId: existing.id, created: false };
      const actorId = this.#insertActor(spawn.address, { ...spawn, bornOf: `${address}:${sequence}` });
      mail.push(...this.#ask(spawn.address, 0, spawn));
      return { address: spawn.address, actorId, created: true };
    });
    mail.push(...this.#ask(address, sequence, step));
    return { kind: "stored", sequence, mail, spawned, settled: [] };
  }

  #eventOf({ source, event = "", eventType, at }: WholeStep, letter: MailRow | undefined): Pick<MailRow, "event" | "cause"> {
    if (source.kind === "timer") return { event, cause: { kind: "timer", name: source.timerId } };
    // Without the receipt's guard there may be no letter.
    return letter ?? { event: JSON.stringify({ type: eventType, at }), cause: { kind: "sweep", name: "nobody" } };
  }

  #repeated(step: WholeStep): StepResult {
    const { actor: address, eventId, source } = step;
    const sequence = this.receipts.get(receipt(address, eventId));
    if (sequence === undefined) {
      if (source.kind === "timer") return { kind: "stale" };
      throw new Refused(`nobody sent "${eventId}" to ${address}`, "unknownEvent");
    }
    if (sequence !== step.expectedSequence + 1)
      return { kind: "duplicate", sequence, replay: false, mail: [], spawned: [], settled: [] };
    const unread = (key: string) => [...this.mailbox.values()].filter((mail) => mail.key === key && mail.origin === "own");
    const posted = (asker: string, at: number, { sends }: Asks) =>
      sends.flatMap(({ index }) => unread(askId(asker, at, index)).map(({ id, actor, key }) => ({ id, actor, key })));
    const spawned = step.spawns.flatMap((spawn) => {
      const row = this.actors.get(spawn.address);
      return row ? [{ address: spawn.address, actorId: row.id, created: row.bornOf === `${address}:${sequence}` }] : [];
    });
    const born = step.spawns.filter((spawn) => spawned.some((one) => one.created && one.address === spawn.address));
    const mail = [...born.flatMap((spawn) => posted(spawn.address, 0, spawn)), ...posted(address, sequence, step)];
    return { kind: "duplicate", sequence, replay: true, mail, spawned, settled: [] };
  }

  #isArmed(actor: string, timerId: string, armedSequence: number): boolean {
    const row = this.timers.get(timerKey(actor, timerId));
    return row !== undefined && (row.armedSequence === armedSequence || this.without.has("armedSequence"));
  }

  #ask(actor: string, sequence: number, { sends, effects, timers }: Asks): Posted[] {
    for (const { timerId, dueAt } of timers) {
      if (dueAt === null) this.remove(this.timers, timerKey(actor, timerId));
      else this.put(this.timers, timerKey(actor, timerId), { actor, timerId, armedSequence: sequence, dueAt });
    }
    for (const { index, kind, payload } of effects) {
      const effectId = askId(actor, sequence, index);
      const now = this.now();
      const row = { effectId, actor, kind, payload, createdAt: now, shard: shardOf(actor), storedAt: this.elapsed() };
      this.put(this.outbox, effectId, { ...row, state: "pending", error: null, settled: 0 });
    }
    return sends.map(({ index, to, event }) =>
      this.post(to, askId(actor, sequence, index), event, { kind: "actor", name: actor }),
    );
  }

  #insertActor(
    address: string,
    row: Pick<ActorRow, "machineVersion" | "snapshot" | "bornOf" | "view"> & { status: "active" | "done" },
  ) {
    const { machineVersion, snapshot, status, bornOf, view } = row;
    const id = `actor-${++this.#ids}` as Actor["id"];
    const place = { id, address, kind: actorKind(address), shard: shardOf(address), sequence: 0, parkedReason: null };
    this.put(this.actors, address, { ...place, machineVersion, snapshot, status, bornOf, view, bornWith: snapshot });
    if (!this.shards.has(place.shard)) this.put(this.shards, place.shard, { epoch: 0, owner: "", freeSince: 0 });
    return id;
  }

  #insertMail(actor: string, key: string, event: string, cause: Mail["cause"], origin: Mail["origin"]): Mail["id"] {
    const arrivedAt = ++this.#ids;
    const id = `mail-${arrivedAt}` as Mail["id"];
    this.put(this.mailbox, id, { id, origin, actor, key, event, cause, arrivedAt, shard: shardOf(actor) });
    return id;
  }

  #moveMail(address: string, origin: Mail["origin"]): void {
    for (const mail of this.mailbox.values()) if (mail.actor === address) this.put(this.mailbox, mail.id, { ...mail, origin });
  }
}

/** A row's view after what a step says of it: what is left out stays. */
const shown = (before: ActorRow["view"], change: Step["view"]): ActorRow["view"] =>
  change === null
    ? before
    : ({ ...before, ...JSON.parse(JSON.stringify(change)), ...cardAfter(before, change) } as ActorRow["view"]);

const cardAfter = (before: ActorRow["view"], change: Exclude<Step["view"], null>) =>
  change.kind === "feature" && before?.kind === "feature" ? { ticket: { ...before.ticket, ...change.ticket } } : {};

export const askId = (actor: string, sequence: number, index: number): string => `${actor}:${sequence}:${index}`;
const receipt = (actor: string, eventId: string) => `${actor} ${eventId}`;
const timerKey = (actor: string, timerId: string) => `${actor} ${timerId}`;
