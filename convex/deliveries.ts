// Every webhook delivery once: the row and its consequence are stored together, before anybody answers 200 (P6).

import type { Doc } from "./_generated/dataModel";
import type { DatabaseWriter } from "./_generated/server";
import { refuse } from "./errors.ts";

const MAX_TEXT = 300;

/** Runs `consequence` unless the delivery has been taken before; answers with the outcome that is stored. */
export async function firstTime(
  db: DatabaseWriter,
  { source, deliveryId, event }: Pick<Doc<"webhookDeliveries">, "source" | "deliveryId" | "event">,
  consequence: () => Promise<string>,
): Promise<{ outcome: string }> {
  if (deliveryId === "" || deliveryId.length > MAX_TEXT) {
    refuse({ code: "badArgument", message: `A delivery needs an id of 1 to ${MAX_TEXT} characters.` });
  }
  const stored = await db
    .query("webhookDeliveries")
    .withIndex("by_delivery", (q) => q.eq("source", source).eq("deliveryId", deliveryId))
    .unique();
  if (stored !== null) return { outcome: stored.outcome };
  const outcome = await consequence();
  await db.insert("webhookDeliveries", { source, deliveryId, event: event.slice(0, MAX_TEXT), outcome, receivedAt: Date.now() });
  return { outcome };
}
