// What people did, kept for those who ask later.

import type { Doc } from "./_generated/dataModel";
import type { MutationCtx } from "./_generated/server";
import type { Membership } from "./access.ts";

/** Records an act in the transaction that carries it out. */
export async function recordAct(
  { db, person, organization, project }: MutationCtx & Membership,
  act: Pick<Doc<"audit">, "what" | "why" | "actor" | "key">,
): Promise<void> {
  await db.insert("audit", { organization: organization._id, project: project._id, who: person.subject, ...act, at: Date.now() });
}
