// The owner of a project is stopped (SIGSTOP) in the middle of its work, for longer than its lease; another takes over and goes on;
// then the first goes on too (SIGCONT), with everything it had in memory and in flight. Nothing may happen twice.

import { findDoubles } from "../journals.ts";
import { Tickets } from "../tickets.ts";
import { type Card, Reader } from "../watch.ts";
import { type Fleet, until } from "./fleet.ts";

const TICKETS = 3;
/** All three deliveries may lie with the one that is stopped: then nothing is worked on before it goes on. */
const PATIENCE_MS = 3_000;

/** One time. @param seed decides when it is stopped. @returns what went wrong, in words */
export async function pausedOwner(fleet: Fleet, seed: number): Promise<string[]> {
  const { launch } = fleet.stack;
  const tickets = new Tickets(launch);
  const reader = await Reader.signedIn(launch, "Dana");
  try {
    await fleet.shared();
    const made: string[] = [];
    for (let ticket = 0; ticket < TICKETS; ticket++) made.push((await tickets.create("OMA", `Paused ${seed}.${ticket}`)).key);
    const all = (holds: (card: Card) => boolean) => (cards: readonly Card[]) =>
      made.every((key) => cards.some((card) => card.key === key && holds(card)));
    await reader.boardWhere(
      all(() => true),
      20_000,
    );

    const owner = fleet.worker;
    const moving = Promise.all(made.map((key) => tickets.move(key, "Todo")));
    await Bun.sleep((seed * 37) % 300); // anywhere between the webhook and the launch
    owner.process.kill("SIGSTOP");
    await moving;
    const others = [...fleet.members].filter((member) => member !== owner);
    await fleet.shared(others);
    const heard = owner.lines.length;
    // A delivery that lies with the one that is stopped is stored when it goes on; the others are worked on meanwhile.
    const isWorked = (cards: readonly Card[]) => cards.some(({ key, state }) => made.includes(key) && state.endsWith("working"));
    await reader.boardWhere(isWorked, PATIENCE_MS).catch(() => {});
    owner.process.kill("SIGCONT");
    await until("the one that was stopped has heard of it", () => owner.lines.slice(heard).some(isLoss), 20_000);
    await fleet.shared();

    await reader.boardWhere(
      all(({ state }) => state.endsWith("working")),
      30_000,
    );
    await Promise.all(made.map((key) => tickets.move(key, "Canceled")));
    await reader.boardWhere(
      all(({ state }) => state === "cancelled"),
      30_000,
    );
    return await findDoubles(launch);
  } finally {
    await reader.close();
  }
}

const isLoss = ({ event }: { event: string }) => event === "shard.lost";
