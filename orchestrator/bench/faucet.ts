// Lets a host have a given number of events at a time: all of them are stored beforehand, so that what is measured is the host and
// its commits, not whoever sends.

import type { Mail } from "../../convex/steps.ts";
import type { HostStore } from "../store/host-store.ts";

export interface Faucet {
  readonly store: HostStore;
  /** From now on at most `inFlight` events are with the host. */
  open(inFlight: number): void;
  /** Events of ours whose steps are stored. */
  steps(): number;
  /** Resolves when every event that was loaded has been stored. */
  readonly dry: Promise<void>;
}

export function createFaucet(usual: HostStore): Faucet {
  const waiting: { readonly shard: number; readonly letter: Mail }[] = [];
  const hosts = new Map<number, (mail: readonly Mail[]) => void>();
  const { promise: dry, resolve } = Promise.withResolvers<void>();
  let limit = 0;
  const inFlight = new Set<string>();
  let stored = 0;

  function pour(): void {
    const now = waiting.splice(0, Math.max(0, limit - inFlight.size));
    for (const { letter } of now) inFlight.add(letter.id);
    for (const [shard, onMail] of hosts) {
      const mail = now.filter((one) => one.shard === shard).map(({ letter }) => letter);
      if (mail.length > 0) onMail(mail);
    }
    if (inFlight.size === 0 && waiting.length === 0) resolve();
  }

  const store: HostStore = {
    ...usual,
    load: async (shard, cursor) => {
      const page = await usual.load(shard, cursor);
      for (const letter of page.mail) waiting.push({ shard, letter });
      // A host asks for a window of what has come from outside; who says that he has seen none of it is given all.
      const next = page.next?.part === "outside" ? { ...page.next, seen: 0 } : page.next;
      return { ...page, mail: [], next };
    },
    watchOutside: (shard, onMail) => {
      hosts.set(shard, onMail);
      return () => hosts.delete(shard);
    },
    commit: async (epochs, steps) => {
      const results = await usual.commit(epochs, steps);
      // Mail that actors send each other is none of ours.
      for (const { source } of steps) if (source.kind === "mail" && inFlight.delete(source.id)) stored++;
      queueMicrotask(pour); // the host publishes first
      return results;
    },
  };
  const open = (events: number) => {
    limit = events;
    pour();
  };
  return { store, open, steps: () => stored, dry };
}
