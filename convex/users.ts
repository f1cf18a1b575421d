// The caller: who they are and where they belong.

import { v } from "convex/values";
import type { Doc } from "./_generated/dataModel";
import type { DatabaseReader } from "./_generated/server";
import { personMutation, personQuery } from "./access.ts";
import { vMembershipRole } from "./validators.ts";

/** Organisations one person can be shown. */
const MAX_MEMBERSHIPS = 100;

/** Makes or refreshes the caller's row from the token. Safe to repeat. */
export const signIn = personMutation({
  args: {},
  returns: v.null(),
  handler: async ({ db, person }) => {
    const { tokenIdentifier, subject, name, email } = person;
    const row = await db
      .query("users")
      .withIndex("by_token", (q) => q.eq("tokenIdentifier", tokenIdentifier))
      .unique();
    if (row === null) await db.insert("users", { tokenIdentifier, subject, name, email });
    else if (row.name !== name || row.email !== email) await db.patch(row._id, { name, email });
    return null;
  },
});

/** The caller with their memberships: none for somebody nobody has invited. */
export const me = personQuery({
  args: {},
  returns: v.object({
    name: v.string(),
    email: v.string(),
    memberships: v.array(
      v.object({ organization: v.id("organizations"), slug: v.string(), name: v.string(), role: vMembershipRole }),
    ),
  }),
  handler: async ({ db, person: { subject, name, email } }) => {
    const memberships = await membershipsOf(db, subject);
    return {
      name,
      email,
      memberships: memberships.map(({ organization: { _id, slug, name }, role }) => ({ organization: _id, slug, name, role })),
    };
  },
});

export async function membershipsOf(
  db: DatabaseReader,
  subject: string,
): Promise<{ organization: Doc<"organizations">; role: Doc<"memberships">["role"] }[]> {
  const rows = await db
    .query("memberships")
    .withIndex("by_subject", (q) => q.eq("subject", subject))
    .take(MAX_MEMBERSHIPS);
  const found = await Promise.all(
    rows.map(async ({ organization, role }) => ({ organization: await db.get(organization), role })),
  );
  return found.flatMap(({ organization, role }) => (organization === null ? [] : [{ organization, role }]));
}
