// The host's store in memory: the tables, seen by one process through its network. Windows and pages are small, so that a
// simulation meets their edges.

import type { LoadCursor, LoadPage, Mail } from "../../convex/steps.ts";
import type { HostStore } from "../store/host-store.ts";
import type { MailRow } from "./rows.ts";
import type { Process } from "./scheduler.ts";
import type { Tables } from "./tables.ts";

const WINDOW = 4;
const PAGE_ROWS = 3;
const ANSWERED = 3;

export function createMemoryStore(tables: Tables, process: Process, owner: string): HostStore {
  return {
    attend: (held, ttlMs, sinceMs) => process.call(() => tables.ownership.attend(owner, held, ttlMs, sinceMs)),
    release: (leases, isLeaving) => process.call(() => tables.ownership.release(owner, leases, isLeaving)),
    watchRoster: (onChange) => watchRoster(tables, process, onChange),
    load: (shard, cursor) => process.call(() => page(tables, shard, cursor)),
    actors: (addresses) => process.call(() => addresses.slice(0, ANSWERED).map((address) => tables.actors.get(address) ?? null)),
    commit: (epochs, steps) => {
      const sent = structuredClone(steps); // what is sent is what it was when it was sent
      return process.call(() => tables.commit(epochs, sent));
    },
    settle: (epochs, settlements) => process.call(() => tables.settle(epochs, settlements)),
    park: (epochs, actor, reason) => process.call(() => tables.park(epochs, actor, reason)),
    fail: (epochs, actor, failure) => process.call(() => tables.fail(epochs, actor, failure)),
    watchOutside: (shard, onMail) => watch(tables, process, shard, onMail),
  };
}

function watch(tables: Tables, process: Process, shard: number, onMail: (mail: readonly Mail[]) => void): () => void {
  const window = () => outside(tables, shard, "outside").slice(0, WINDOW);
  let shown = "";
  let isOver = false;
  let isAsking = false;
  // One look at a time, so that windows come in the order they were seen.
  const look = () => {
    if (isAsking || isOver) return;
    isAsking = true;
    void process
      .call(window)
      .then((mail) => {
        if (!isOver) onMail(mail);
        shown = idsOf(mail);
      })
      .catch(() => {}) // a socket that broke: asked again
      .then(() => {
        isAsking = false;
        changed();
      });
  };
  const changed = () => {
    if (process.isAlive && !isOver && idsOf(window()) !== shown) look();
  };
  tables.watchers.add(changed);
  shown = "nothing yet";
  look();
  return () => {
    isOver = true;
    tables.watchers.delete(changed);
  };
}

function watchRoster(tables: Tables, process: Process, onChange: () => void): () => void {
  const roster = () =>
    JSON.stringify([[...tables.heartbeats.keys()], [...tables.shards].map(([shard, { epoch, owner }]) => [shard, epoch, owner])]);
  let shown = "nothing yet";
  let isOver = false;
  const changed = () => {
    if (isOver || !process.isAlive) return;
    const now = roster();
    if (now === shown) return;
    shown = now;
    void process
      .call(() => null)
      .then(
        () => isOver || onChange(),
        () => {
          shown = "the socket broke";
          changed();
        },
      );
  };
  tables.watchers.add(changed);
  changed();
  return () => {
    isOver = true;
    tables.watchers.delete(changed);
  };
}

const idsOf = (mail: readonly Mail[]) => mail.map(({ id }) => id).join();

const outside = (tables: Tables, shard: number, origin: MailRow["origin"]): MailRow[] =>
  [...tables.mailbox.values()].filter((mail) => mail.shard === shard && mail.origin === origin);

const PARTS = ["own", "outside", "effects", "timers"] as const;

function page(tables: Tables, shard: number, cursor: LoadCursor | null): LoadPage {
  const part = cursor?.part ?? "own";
  const from = Number(cursor?.position ?? 0);
  const rows = <Row>(all: readonly Row[]): [Row[], LoadCursor | null] => {
    const then = PARTS[PARTS.indexOf(part) + 1];
    const end = part === "outside" ? Math.min(WINDOW, all.length) : all.length;
    const to = Math.min(from + PAGE_ROWS, end);
    const next = to < end ? { part, position: String(to) } : then && { part: then, position: null };
    return [all.slice(from, to), next ?? null];
  };
  const empty = { mail: [], effects: [], timers: [] };
  switch (part) {
    case "own":
    case "outside": {
      const [mail, next] = rows(outside(tables, shard, part));
      return { ...empty, mail, next };
    }
    case "effects": {
      const [effects, next] = rows([...tables.outbox.values()].filter((row) => row.shard === shard && row.state === "pending"));
      return { ...empty, effects, next };
    }
    case "timers": {
      const armed = [...tables.timers.values()].filter(({ actor }) => tables.actors.get(actor)?.shard === shard);
      const [timers, next] = rows(armed.sort((a, b) => a.dueAt - b.dueAt));
      return { ...empty, timers, next };
    }
    default:
      return part satisfies never;
  }
}
