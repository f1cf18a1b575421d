// Puts what happened into the words of GitHub's webhooks and stores it for sending. Decides nothing.
import { randomUUID } from "node:crypto";
import { accountShape, nodeId, repositoryShape } from "../shapes/account.ts";
import { type Account, accountOf, installationOf } from "../store/accounts.ts";
import { insertDelivery } from "../store/deliveries.ts";
import type { Repository } from "../store/repositories.ts";
import type { World } from "../world.ts";

export type WebhookEvent =
  | "check_run"
  | "check_suite"
  | "issue_comment"
  | "pull_request"
  | "pull_request_review"
  | "pull_request_review_comment"
  | "push"
  | "status";

export interface Occurrence {
  readonly event: WebhookEvent;
  readonly action: string | null;
  readonly repository: Repository;
  readonly sender: Account;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** Stores a delivery. Call it inside the transaction of the change itself (W1); it is sent when that has committed. */
export function emit(world: World, occurrence: Occurrence): void {
  const { event, action, repository, sender, payload } = occurrence;
  const owner = accountOf(world.db, repository.ownerId);
  const installation = installationOf(world.db, owner.id);
  if (!world.hooks.isActive || installation === null) return;
  const body = {
    ...(action === null ? {} : { action }),
    ...payload,
    repository: repositoryShape(world, repository),
    ...(owner.type === "Organization" ? { organization: accountShape(world, owner) } : {}),
    installation: { id: installation.id, node_id: nodeId("IN", installation.id) },
    sender: accountShape(world, sender),
  };
  storeDelivery(world, {
    guid: randomUUID(),
    event,
    action,
    installationId: installation.id,
    repositoryId: repository.id,
    payload: JSON.stringify(body),
  });
}

interface ToSend {
  readonly guid: string;
  readonly event: string;
  readonly action: string | null;
  readonly installationId: number;
  readonly repositoryId: number;
  readonly payload: string;
}

/** Sends a stored delivery once more, under its old guid. */
export const redeliver = (world: World, delivery: ToSend) => storeDelivery(world, delivery, true);

function storeDelivery(world: World, row: ToSend, redelivery = false): void {
  const { guid, event, action, installationId, repositoryId, payload } = row;
  const createdAtMs = world.nowMs();
  insertDelivery(world.db, {
    guid,
    event,
    action,
    installationId,
    repositoryId,
    payload,
    redelivery: redelivery ? 1 : 0,
    createdAtMs,
  });
  queueMicrotask(() => world.hooks.wake()); // transactions are synchronous, so this one has ended by then
}
