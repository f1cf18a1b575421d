// The answer to a project's `findReady`: who may be admitted next, best first. Who waits for one role is a queue, read from the index
// that is its order; the best of those at the front of the queues is next.

import type { FindReady } from "@omakase/machines/effects";
import type { ProjectEvent } from "@omakase/machines/project/project-events";
import { ROLES, type Role } from "@omakase/machines/roles";
import type { Doc, Id } from "./_generated/dataModel";
import type { DatabaseReader } from "./_generated/server";
import { refuse } from "./errors.ts";
import { monthOf } from "./money.ts";
import { ceilingOf, sharedAccounts, shortOf } from "./reservations.ts";
import { settingsOf } from "./settings.ts";

type ReadyFound = Extract<ProjectEvent, { type: "ready.found" }>;

/** Above any sensible number of features in a pipeline at once; bounds the read. */
const MOST_ROWS = 1000;

/**
 * At most `limit` features that want a role and are not in `excluding`, and of a role no more than `permits` says it has left; none,
 * and whose budget it is, while the project or the organisation cannot pay for one more run.
 * @throws {ConvexError} `badStep`
 */
export async function findReady(
  db: DatabaseReader,
  project: Doc<"projects">,
  { limit, excluding, permits }: FindReady,
): Promise<Loose<ReadyFound>> {
  const at = Date.now();
  const rows = limit + excluding.length;
  if (!Number.isInteger(limit) || limit < 0 || rows > MOST_ROWS) {
    refuse({
      code: "badStep",
      actor: project.address,
      message: `limit and the number excluded must be whole numbers of together at most ${MOST_ROWS}.`,
    });
  }
  const accounts = await sharedAccounts(db, project, monthOf(at));
  const spent = accounts.find((account) => shortOf(account, ceilingOf(settingsOf(project).agent)) !== null);
  if (spent !== undefined && spent.level !== "feature") return { type: "ready.found", at, candidates: [], outOf: spent.level };
  const without = new Set<string>(excluding);
  const queues = ROLES.map((role) => new Queue(db, project._id, role, Math.min(limit, permits?.[role] ?? limit), without));
  await Promise.all(queues.map((queue) => queue.advance()));
  const candidates: { feature: string; role: string }[] = [];
  while (candidates.length < limit) {
    const [best] = queues.filter(({ first }) => first !== null).sort(inOrder);
    if (!best?.first) break;
    candidates.push({ feature: best.first.address, role: best.role });
    if (candidates.length < limit) await best.advance();
  }
  await Promise.all(queues.map((queue) => queue.close()));
  return { type: "ready.found", at, candidates };
}

/** Who waits for a role, read row by row: what is named and what is passed over, and one more of a role that could have more. */
class Queue {
  /** The best that is left; null: nobody, or nobody may be named any more. */
  first: Doc<"features"> | null = null;
  readonly #rows: AsyncIterator<Doc<"features">>;
  #left: number;

  constructor(
    db: DatabaseReader,
    project: Id<"projects">,
    readonly role: Role,
    most: number,
    private readonly without: ReadonlySet<string>,
  ) {
    const rows = db.query("features").withIndex("by_ready", (q) => q.eq("project", project).eq("ready", true).eq("wants", role));
    this.#rows = rows[Symbol.asyncIterator]();
    this.#left = most;
  }

  async advance(): Promise<void> {
    this.first = null;
    while (this.#left > 0) {
      const { value, done } = await this.#rows.next();
      if (done) this.#left = 0;
      else if (!this.without.has(value.address)) {
        this.first = value;
        this.#left -= 1;
        return;
      }
    }
  }

  async close(): Promise<void> {
    await this.#rows.return?.();
  }
}

/** The order of the index behind the role. */
function inOrder({ first: one }: Queue, { first: other }: Queue): number {
  if (!one || !other) return 0;
  const ranks = one.priorityRank - other.priorityRank || one.unblocksRank - other.unblocksRank || one.createdAt - other.createdAt;
  return ranks || (one.key < other.key ? -1 : 1);
}

/** An event as rows spell it: addresses are plain strings there. */
type Loose<Event> = Omit<Event, "candidates"> & { candidates: { feature: string; role: string }[] };
