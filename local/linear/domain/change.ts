// One accepted mutation: what it read, wrote, reported to webhooks and left in the journal. The rules of each entity are
// beside this file; this one knows only how a change is committed.
//   D1. Rows, webhook deliveries and the journal entry of a change are one commit: none exists without the others.
//   D2. Nobody hears of a change (webhook, live page, answer) before it is committed.

import { badArgument, conflictOnInsert, forbidden, notFound } from "../errors.ts";
import type { Journal } from "../journal.ts";
import type { Links } from "../links.ts";
import type { EntityName, Issue, Rows, User } from "../store/entities.ts";
import type { Store } from "../store/store.ts";
import type { DeliveryQueue } from "../webhooks/delivery-queue.ts";
import { deliveryBody, type WebhookEvent } from "../webhooks/payload.ts";

/** What changes need from outside. The clock and the id maker are arguments, so that tests can own them. */
export interface World {
  readonly store: Store;
  readonly queue: DeliveryQueue;
  readonly journal: Journal;
  readonly links: Links;
  readonly now: () => Date;
  readonly makeId: () => string;
  /** Called after each commit, with the identifiers of the issues it touched. */
  readonly onCommit: (identifiers: readonly string[]) => void;
}

/** An entity a change touched, for the journal. */
export interface Touched {
  readonly type: EntityName;
  readonly id: string;
  /** The issue it is or belongs to, for example OMA-1. */
  readonly identifier?: string;
  /** Changed columns as [before, after]; absent when the row is new or gone. */
  readonly changes?: Readonly<Record<string, readonly [unknown, unknown]>>;
}

export class Change {
  readonly touched: Touched[] = [];
  readonly events: WebhookEvent[] = [];
  readonly store: Store;
  readonly links: Links;
  /** The time of the change: every row it writes carries this one. */
  readonly at: string;

  constructor(
    private readonly world: World,
    readonly actor: User,
  ) {
    this.store = world.store;
    this.links = world.links;
    this.at = world.now().toISOString();
  }

  /**
   * The id for a new row: the client's, or one of ours.
   * @throws GraphQLError when the client's is not a UUID or is taken (the answer to a repeated create)
   */
  idFor(type: EntityName, clientId: string | null | undefined): string {
    if (!clientId) return this.world.makeId();
    if (!UUID.test(clientId)) throw badArgument("id must be a UUID.");
    const id = clientId.toLowerCase();
    if (this.store.get(type, id)) throw conflictOnInsert(type, id);
    return id;
  }

  /** The columns every new row starts with. */
  born(type: EntityName, clientId?: string | null): { id: string; createdAt: string; updatedAt: string; archivedAt: null } {
    return { id: this.idFor(type, clientId), createdAt: this.at, updatedAt: this.at, archivedAt: null };
  }

  /** The row with this id. @throws GraphQLError "Entity not found" */
  require<Name extends EntityName>(type: Name, id: string): Rows[Name] {
    const row = this.store.get(type, id);
    if (!row) throw notFound(type);
    return row;
  }

  /** An issue by UUID or by identifier ("OMA-1"). @throws GraphQLError "Entity not found" */
  requireIssue(idOrIdentifier: string): Issue {
    const issue = findIssue(this.store, idOrIdentifier);
    if (!issue) throw notFound("Issue");
    return issue;
  }

  /** Stores a row and notes it for the journal. */
  put<Name extends EntityName>(type: Name, row: Rows[Name], about: Pick<Touched, "identifier" | "changes"> = {}): Rows[Name] {
    this.touched.push({ type, id: row.id, ...about });
    return this.store.put(type, row);
  }

  /** Removes a row for good and notes it for the journal. */
  remove(type: EntityName, id: string, about: Pick<Touched, "identifier"> = {}): void {
    this.touched.push({ type, id, ...about });
    this.store.remove(type, id);
  }

  /** Reports the change to the webhooks that ask for this kind of entity. */
  report(event: WebhookEvent): void {
    this.events.push(event);
  }
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;

export function findIssue(store: Store, idOrIdentifier: string): Issue | undefined {
  return store.get("Issue", idOrIdentifier) ?? store.tables.Issue.by("identifier", idOrIdentifier.toUpperCase())[0];
}

/**
 * Runs `work` as `actor` and commits it (D1), then tells the world (D2).
 * @param operation the GraphQL mutation's name, for the journal
 * @returns what `work` returned and the journal's number of the change (Linear's `lastSyncId`)
 * @throws whatever `work` throws, with nothing changed
 */
export function commit<Result>(
  world: World,
  actor: User,
  operation: string,
  work: (change: Change) => Result,
): { readonly result: Result; readonly lastSyncId: number } {
  if (actor.guest) throw forbidden("Guests of this workspace may look at it and not change it.");
  const change = new Change(world, actor);
  let lastSyncId = 0;
  const result = world.store.transact(
    () => work(change),
    () => {
      for (const event of change.events) {
        for (const webhook of world.store.tables.Webhook.all()) {
          const body = deliveryBody(change, webhook, event);
          if (body) world.queue.add({ id: world.makeId(), webhookId: webhook.id, event: event.type, body });
        }
      }
      const { id, displayName } = actor;
      lastSyncId = world.journal.add({ at: change.at, operation, actor: { id, displayName }, touched: change.touched });
    },
  );
  if (change.events.length > 0) world.queue.wake();
  world.onCommit([...new Set(change.touched.flatMap((touched) => touched.identifier ?? []))]);
  return { result, lastSyncId };
}
