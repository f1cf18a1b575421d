// The host's tables in memory, with the promises of convex/host.ts and convex/shards.ts: every call is a transaction, whole or not
// at all, and may be made again. Written from docs/design/data.md, not from the code it stands in for. Guards can be taken out one
// at a time, to see that the checker misses them.

import { actorKind } from "@omakase/machines";
import { type Failure, isPoison, parkedBecause, type Trouble, troubleAfter } from "../../convex/poison.ts";
import { shardOf } from "../../convex/shardOf.ts";
import { fairShares } from "../../convex/shares.ts";
import {
  type Actor,
  type Answer,
  type Attendance,
  type Epoch,
  type Mail,
  type PendingEffect,
  type Posted,
  type Settled,
  type Settlement,
  type Spawn,
  type Step,
  type StepResult,
  type WholeStep,
  wholeStep,
} from "../../convex/steps.ts";
import { Conflict, Fenced, Refused } from "../store/host-store.ts";

export type Guard = "epoch" | "receipt" | "sequence" | "settledOnce" | "armedSequence";

export interface ActorRow extends Actor {
  /** The snapshot of its initial transition: where a fold of its log begins. */
  readonly bornWith: string;
  readonly bornOf: string;
  readonly view: Step["view"] | Spawn["view"];
}

export interface TransitionRow extends Pick<WholeStep, "actor" | "eventId" | "eventType" | "at" | "ignored" | "from" | "to"> {
  readonly event: string;
  readonly cause: Mail["cause"];
  readonly sequence: number;
  /** The epoch of the owner that stored it. */
  readonly epoch: number;
  readonly storedAt: number;
}

export interface OutboxRow extends PendingEffect {
  readonly shard: number;
  readonly state: "pending" | "done" | "failed";
  readonly error: string | null;
  readonly storedAt: number;
  /** How often it was settled: once, if all is well. */
  readonly settled: number;
}

export interface TimerRow {
  readonly actor: string;
  readonly timerId: string;
  readonly armedSequence: number;
  readonly dueAt: number;
}

export interface MailRow extends Mail {
  readonly shard: number;
}

interface ShardRow {
  readonly epoch: number;
  /** "" is nobody. */
  readonly owner: string;
  readonly freeSince: number;
}

interface HeartbeatRow {
  readonly heardAt: number;
  readonly ttlMs: number;
}

type Asks = Pick<WholeStep, "sends" | "effects" | "timers">;
type Ending = Pick<Settlement, "state" | "error" | "answer"> & { mail: Answer[] };

export class Tables {
  readonly actors = new Map<string, ActorRow>();
  readonly mailbox = new Map<string, MailRow>();
  readonly transitions: TransitionRow[] = [];
  readonly outbox = new Map<string, OutboxRow>();
  readonly timers = new Map<string, TimerRow>();
  readonly troubles = new Map<string, Trouble>();
  readonly shards = new Map<number, ShardRow>();
  readonly heartbeats = new Map<string, HeartbeatRow>();
  /** Told after each transaction. */
  readonly watchers = new Set<() => void>();
  readonly without = new Set<Guard>();
  /** Works out what the commit that asks answers, by kind of effect. */
  readonly questions = new Map<string, (row: OutboxRow) => Ending>();
  readonly #receipts = new Map<string, number>();
  #undo: (() => void)[] = [];
  #ids = 0;

  /** @param elapsed true time, when the store's clock may jump: for the checker */
  constructor(
    readonly now: () => number,
    private readonly elapsed = now,
  ) {}

  /** @throws what `work` throws, with everything it wrote taken back */
  transaction<Result>(work: () => Result): Result {
    this.#undo = [];
    try {
      const result = work();
      for (const watcher of this.watchers) watcher();
      return result;
    } catch (error) {
      for (const undo of this.#undo.reverse()) undo();
      throw error;
    }
  }

  /** A backup of everything, as it is now. @returns puts it back, whatever has happened since */
  backup(): () => void {
    const tables = [
      this.actors,
      this.mailbox,
      this.outbox,
      this.timers,
      this.troubles,
      this.shards,
      this.heartbeats,
      this.#receipts,
    ] as Map<unknown, unknown>[];
    const copies = tables.map((table) => new Map(table));
    const steps = this.transitions.length;
    return () => {
      for (const [index, table] of tables.entries()) {
        table.clear();
        for (const [key, row] of copies[index] ?? []) table.set(key, row);
      }
      this.transitions.length = steps;
      for (const watcher of this.watchers) watcher();
    };
  }

  attend(owner: string, held: readonly Epoch[], ttlMs: number, sinceMs: number | null): Attendance {
    return this.transaction(() => {
      const now = this.now();
      const before = this.heartbeats.get(owner);
      const jumpMs = before && sinceMs !== null ? now - before.heardAt - sinceMs : 0;
      for (const [name, beat] of this.heartbeats) {
        const isPast = beat.heardAt + beat.ttlMs <= now;
        if (name === owner || !(isPast || beat.heardAt > now)) continue;
        if (isPast && jumpMs <= beat.ttlMs) this.#remove(name, beat.heardAt);
        else this.put(this.heartbeats, name, { ...beat, heardAt: now });
      }
      this.put(this.heartbeats, owner, { heardAt: now, ttlMs });
      const owners = new Map([...this.heartbeats.keys()].map((name) => [name, this.#ownedBy(name).length]));
      const share = fairShares(owners, this.shards.size).get(owner) ?? 0;
      const mine = this.#ownedBy(owner);
      const isHeld = (shard: number) =>
        held.some((one) => one.shard === shard && mine.includes(shard) && this.shards.get(shard)?.epoch === one.epoch);
      const lost = held.filter(({ shard }) => !isHeld(shard)).map(({ shard }) => shard);
      const free = [...this.shards].filter(([, row]) => !owners.has(row.owner)).map(([shard]) => shard);
      const given = [...mine.filter((shard) => !isHeld(shard)), ...free.slice(0, Math.max(0, share - mine.length))];
      const taken = given.map((shard) => this.#take(shard, owner, before ? now - before.heardAt : null));
      const others = [...this.heartbeats].filter(([name]) => name !== owner);
      const nextEndMs = others.length === 0 ? null : Math.min(...others.map(([, beat]) => beat.heardAt + beat.ttlMs - now));
      const surplus = mine.slice(Math.min(mine.length, share));
      return { isReplaced: false, lost, taken, surplus, nextEndMs };
    });
  }

  release(owner: string, leases: readonly Epoch[], isLeaving: boolean): void {
    this.transaction(() => {
      for (const { shard, epoch } of leases) {
        const row = this.shards.get(shard);
        if (row?.owner === owner && row.epoch === epoch)
          this.put(this.shards, shard, { epoch, owner: "", freeSince: this.now() });
      }
      if (isLeaving && this.#ownedBy(owner).length === 0) this.#delete(this.heartbeats, owner);
    });
  }

  /** A shard is somebody else's from now on, until that is not heard for `ttlMs`; 0: nobody's at once. */
  steal(shard: number, thief: string, ttlMs: number): void {
    this.transaction(() => {
      this.put(this.heartbeats, thief, { heardAt: this.now(), ttlMs });
      this.#take(shard, thief, null);
    });
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
      this.#delete(this.troubles, address);
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
        this.#receipts.has(receipt(actor, key)) ||
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

  protected put<Key, Row>(table: Map<Key, Row>, key: Key, row: Row): void {
    const before = table.get(key);
    this.#undo.push(() => (before === undefined ? table.delete(key) : table.set(key, before)));
    table.set(key, row);
  }

  #delete<Key, Row>(table: Map<Key, Row>, key: Key): void {
    const before = table.get(key);
    if (before === undefined) return;
    this.#undo.push(() => table.set(key, before));
    table.delete(key);
  }

  #ownedBy = (owner: string) => [...this.shards].filter(([, row]) => row.owner === owner).map(([shard]) => shard);

  #take(shard: number, owner: string, ownMs: number | null): Attendance["taken"][number] {
    const row = this.shards.get(shard) ?? { epoch: 0, owner: "", freeSince: 0 };
    const epoch = row.epoch + 1;
    this.put(this.shards, shard, { epoch, owner, freeSince: 0 });
    return { shard, epoch, unattendedMs: row.owner === owner ? ownMs : row.freeSince === 0 ? null : this.now() - row.freeSince };
  }

  #remove(name: string, heardAt: number): void {
    this.#delete(this.heartbeats, name);
    for (const shard of this.#ownedBy(name))
      this.put(this.shards, shard, { epoch: this.shards.get(shard)?.epoch ?? 0, owner: "", freeSince: heardAt });
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
    if (source.kind === "mail") this.#delete(this.mailbox, source.id);
    else this.#delete(this.timers, timerKey(address, source.timerId));
    const { event, cause } = this.#eventOf(step, letter);
    const { at, ignored, from, to } = step;
    const row = { actor: address, sequence, eventId, eventType, event, cause, at, ignored, from, to };
    this.transitions.push({ ...row, epoch: epoch.epoch, storedAt: this.elapsed() });
    this.#undo.push(() => this.transitions.pop());
    this.put(this.#receipts, receipt(address, eventId), sequence);
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
    const sequence = this.#receipts.get(receipt(address, eventId));
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
      if (dueAt === null) this.#delete(this.timers, timerKey(actor, timerId));
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
