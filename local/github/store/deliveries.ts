// Webhook deliveries: one row per attempt. A row without an outcome has not been answered yet and is sent, also after a restart.
import type { Database } from "bun:sqlite";

/** GitHub keeps deliveries, and lets them be redelivered, for three days. */
const KEEP_MS = 3 * 24 * 3_600_000;

export interface Delivery {
  readonly id: number;
  /** Stays the same over redeliveries: what a receiver de-duplicates by. */
  readonly guid: string;
  readonly event: string;
  readonly action: string | null;
  readonly installationId: number;
  readonly repositoryId: number;
  readonly payload: string;
  readonly redelivery: number;
  readonly createdAtMs: number;
  readonly attemptedAtMs: number | null;
  readonly durationMs: number | null;
  readonly statusCode: number | null;
  readonly outcome: string | null;
}

type NewDelivery = Pick<
  Delivery,
  "guid" | "event" | "action" | "installationId" | "repositoryId" | "payload" | "redelivery" | "createdAtMs"
>;

/** Adds an attempt to be made and forgets the ones older than three days. */
export function insertDelivery(db: Database, row: NewDelivery): number {
  db.query("DELETE FROM deliveries WHERE createdAtMs < ? AND outcome IS NOT NULL").run(row.createdAtMs - KEEP_MS);
  const { lastInsertRowid } = db
    .query(
      "INSERT INTO deliveries (guid, event, action, installationId, repositoryId, payload, redelivery, createdAtMs) VALUES ($guid, $event, $action, $installationId, $repositoryId, $payload, $redelivery, $createdAtMs)",
    )
    .run({ ...row });
  return Number(lastInsertRowid);
}

/** The oldest unanswered attempts after `afterId`. */
export const pendingDeliveries = (db: Database, afterId: number, limit: number): Delivery[] =>
  db
    .query<Delivery, [number, number]>("SELECT * FROM deliveries WHERE outcome IS NULL AND id > ? ORDER BY id LIMIT ?")
    .all(afterId, limit);

export function recordOutcome(
  db: Database,
  id: number,
  result: Required<Pick<Delivery, "attemptedAtMs" | "durationMs" | "statusCode" | "outcome">>,
): void {
  db.query(
    "UPDATE deliveries SET attemptedAtMs = $attemptedAtMs, durationMs = $durationMs, statusCode = $statusCode, outcome = $outcome WHERE id = $id",
  ).run({ id, ...result });
}

export const findDelivery = (db: Database, id: number): Delivery | null =>
  db.query<Delivery, [number]>("SELECT * FROM deliveries WHERE id = ?").get(id);

/** Newest first, answered ones only, before `beforeId`. */
export const listDeliveries = (db: Database, beforeId: number, limit: number): Delivery[] =>
  db
    .query<Delivery, [number, number]>("SELECT * FROM deliveries WHERE outcome IS NOT NULL AND id < ? ORDER BY id DESC LIMIT ?")
    .all(beforeId, limit);
