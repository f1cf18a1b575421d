// The workspace a fresh server starts with: an organization, four users, one team with its states, two labels. No tickets:
// clients create those. The ids are the same on every machine, so that settings can name them.
import { Change, type World } from "./domain/change.ts";
import { teamCreate } from "./domain/workspace.ts";
import type { User } from "./store/entities.ts";

const ORGANIZATION_ID = "0a000000-0000-4000-8000-000000000001";
const TEAM_ID = "0a000000-0000-4000-8000-000000000010";

const USERS: readonly (Pick<User, "id" | "name" | "displayName"> & Partial<Pick<User, "admin" | "guest" | "app">>)[] = [
  { id: "0a000000-0000-4000-8000-000000000002", name: "Ada Admin", displayName: "ada", admin: true },
  { id: "0a000000-0000-4000-8000-000000000003", name: "Dana Developer", displayName: "dana" },
  { id: "0a000000-0000-4000-8000-000000000004", name: "Vic Viewer", displayName: "vic", guest: true },
  { id: "0a000000-0000-4000-8000-000000000005", name: "Omakase", displayName: "omakase", app: true },
];

const PROJECT_STATUSES = ["Backlog", "Planned", "In Progress", "Completed", "Canceled"];

/** Fills an empty store; leaves one that holds anything alone. Safe to repeat. Sends no webhooks, writes no journal. */
export function seed(world: World): void {
  const { store } = world;
  if (store.tables.Organization.size > 0) return;
  const at = world.now().toISOString();
  const born = { createdAt: at, updatedAt: at, archivedAt: null };
  store.transact(() => {
    store.put("Organization", { ...born, id: ORGANIZATION_ID, name: "Omakase Sample", urlKey: "omakase-sample" });
    const users = USERS.map((user) =>
      store.put("User", {
        ...born,
        admin: false,
        guest: false,
        app: false,
        ...user,
        email: `${user.displayName}@omakase.example`,
        active: true,
      }),
    );
    const change = new Change(world, users[0]!);
    teamCreate(change, { input: { id: TEAM_ID, name: "Omakase", key: "OMA" } });
    for (const [name, color] of [
      ["Feature", "#bb87fc"],
      ["Bug", "#eb5757"],
    ] as const) {
      const columns = { name, color, description: null, teamId: null, parentId: null, creatorId: null, isGroup: false };
      store.put("IssueLabel", { ...born, id: world.makeId(), ...columns });
    }
    for (const [position, name] of PROJECT_STATUSES.entries()) {
      const type = name === "In Progress" ? "started" : name.toLowerCase();
      store.put("ProjectStatus", { ...born, id: world.makeId(), name, type, color: "#bec2c8", position });
    }
  });
}
