// The view rows a batch changes: each written once, with what its actor's steps in the batch changed (C4).

import type { Doc, Id } from "./_generated/dataModel";
import type { DatabaseWriter } from "./_generated/server";
import { refuse } from "./errors.ts";
import { isPullOpen } from "./pulls.ts";
import { priorityRank } from "./ranks.ts";
import type { View } from "./steps.ts";

type Change =
  | { kind: "project"; id: Id<"projects">; patch: Pick<Doc<"projects">, "view"> }
  | { kind: "feature"; id: Id<"features">; patch: Partial<Doc<"features">> }
  | { kind: "agent"; id: Id<"agents">; patch: Partial<Doc<"agents">> };

type Viewed = Pick<Doc<"actors">, "_id" | "address" | "kind" | "view">;

export class ViewWrites {
  readonly #changes = new Map<Id<"actors">, { address: string; change: Change }>();

  constructor(private readonly db: DatabaseWriter) {}

  /** @throws {ConvexError} `badStep` when the view is of another kind than its actor */
  add(actor: Viewed, view: View, sequence: number, at: number): void {
    const { _id, address } = actor;
    const earlier = this.#changes.get(_id)?.change.patch;
    const change = changeOf(actor, view, sequence, at);
    this.#changes.set(_id, { address, change: { ...change, patch: { ...earlier, ...change.patch } } as Change });
  }

  async finish(naming: (address: string, write: () => Promise<void>) => Promise<void>): Promise<void> {
    for (const { address, change } of this.#changes.values()) await naming(address, () => this.#write(change));
  }

  async #write(change: Change): Promise<void> {
    switch (change.kind) {
      case "project":
        return this.db.patch(change.id, change.patch);
      case "feature":
        return this.db.patch(change.id, { ...change.patch, ...(await this.#openPull(change)) });
      case "agent":
        return this.db.patch(change.id, change.patch);
      default:
        return change satisfies never;
    }
  }

  /** What follows from the columns together: from the row where the batch leaves one of them alone. */
  async #openPull({
    id,
    patch: { state, pullRequest },
  }: Extract<Change, { kind: "feature" }>): Promise<Partial<Doc<"features">>> {
    if (state === undefined && pullRequest === undefined) return {};
    if (state !== undefined && pullRequest !== undefined) return { hasOpenPull: isPullOpen({ state, pullRequest }) };
    const row = await this.db.get(id);
    if (row === null) return {};
    return {
      hasOpenPull: isPullOpen({
        state: state ?? row.state,
        pullRequest: pullRequest === undefined ? row.pullRequest : pullRequest,
      }),
    };
  }
}

function changeOf(actor: Viewed, view: View, sequence: number, at: number): Change {
  if (view.kind !== actor.kind) {
    return refuse({
      code: "badStep",
      actor: actor.address,
      message: `${actor.address} is a ${actor.kind}, but its view is a ${view.kind}'s.`,
    });
  }
  switch (view.kind) {
    case "project": {
      const { kind, ...columns } = view;
      return { kind, id: actor.view as Id<"projects">, patch: { view: columns } };
    }
    case "feature": {
      const { kind, enteredState, ticket, ...columns } = view;
      const since = enteredState ? { stateSince: at } : {};
      const rank = ticket?.priority === undefined ? {} : { priorityRank: priorityRank(ticket.priority) };
      const ready = view.wants === undefined ? {} : { ready: view.wants !== null };
      const patch = { ...columns, ...since, ...ticket, ...rank, ...ready, sequence };
      return { kind, id: actor.view as Id<"features">, patch };
    }
    case "agent": {
      const { kind, enteredState, ...columns } = view;
      const since = enteredState ? { stateSince: at } : {};
      return { kind, id: actor.view as Id<"agents">, patch: { ...columns, ...since, sequence } };
    }
    default:
      return view satisfies never;
  }
}
