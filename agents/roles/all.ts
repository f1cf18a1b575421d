// The four roles by name.
import type { Role } from "@omakase/machines";
import { architect } from "./architect/role.ts";
import { coder } from "./coder/role.ts";
import type { RoleDefinition } from "./definition.ts";
import { reviewer } from "./reviewer/role.ts";
import { tester } from "./tester/role.ts";

export const ROLE_DEFINITIONS: Readonly<Record<Role, RoleDefinition>> = { architect, coder, reviewer, tester };
