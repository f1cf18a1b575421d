// Who may touch what: ids resolved to tables, system tables kept apart, system fields kept out of developers' hands.
import type { Catalog, Table } from "./catalog.ts";
import type { Document } from "./document.ts";
import { FunctionError } from "./errors.ts";
import { decodeId } from "./ids.ts";
import { isObject, type JsonObject, type JsonValue, kindOf } from "./values.ts";

/** `user`: `db`. `system`: `db.system`, and the server's own writes. `hidden`: the server looking at its own tables. */
export type Access = "user" | "system" | "hidden";
export type Operation = "get" | "patch" | "replace" | "delete";

/** The table an id points into; null when this component has none with its number.
 *  @throws {FunctionError} when the id is malformed, of another table than expected, or of a table this access may not touch */
export function tableOfId(
  catalog: Catalog,
  component: string,
  id: string,
  { expected, access, operation }: { expected: string | undefined; access: Access; operation: Operation },
): Table | null {
  const decoded = typeof id === "string" ? decodeId(id) : { problem: "it is not a string" };
  if ("problem" in decoded) {
    throw new FunctionError(
      "InvalidArgument",
      `Invalid argument \`id\` for \`db.${operation}\`: Unable to decode ID: ${decoded.problem}`,
    );
  }
  const table = catalog.tableOfNumber(component, decoded.tableNumber);
  if (!table) return null;
  if (access === "user" && table.isSystem) {
    throw operation === "get"
      ? new FunctionError("SystemTableAccess", "System tables can only be accessed with db.system.")
      : new FunctionError("SystemTableReadOnly", "System tables (prefixed with `_`) are read-only.");
  }
  if (access === "system" && !table.isSystem) {
    throw new FunctionError(
      "SystemTableAccess",
      `User tables cannot be accessed with db.system: the ID is in table '${table.name}'.`,
    );
  }
  if (expected !== undefined && table.name !== expected) {
    throw new FunctionError(
      "InvalidArgument",
      `Invalid argument \`id\`, expected ID in table '${expected}' but got ID in table '${table.name}'`,
    );
  }
  return table;
}

/** The fields a function wants to write. @throws {FunctionError} unless they are a plain object */
export function userFields(value: JsonValue, operation: "insert" | "patch" | "replace"): JsonObject {
  if (isObject(value) && kindOf(value) === "object") return value;
  throw new FunctionError(
    "InvalidArgument",
    `Invalid argument \`value\` for \`db.${operation}\`: expected an object, got ${JSON.stringify(value)?.slice(0, 200) ?? "undefined"}`,
  );
}

/** A new document brings no system fields. @throws {FunctionError} */
export function refuseSystemFields(fields: JsonObject): void {
  for (const name in fields) if (name.startsWith("_")) throw reservedField(name);
}

/** An update may repeat a document's own system fields, never change them or add others. @throws {FunctionError} */
export function checkSystemFields(fields: JsonObject, old: Document): void {
  for (const name in fields) {
    if (!name.startsWith("_")) continue;
    const given = JSON.stringify(fields[name]);
    if (name === "_id" && fields._id !== old.id) {
      throw new FunctionError(
        "ImmutableField",
        `Provided \`_id\` field value ${given} does not match the document ID "${old.id}"`,
      );
    }
    if (name === "_creationTime" && fields._creationTime !== old.fields._creationTime) {
      throw new FunctionError(
        "ImmutableField",
        `Provided \`_creationTime\` field value ${given} does not match the document's creation time ${old.fields._creationTime}`,
      );
    }
    if (name !== "_id" && name !== "_creationTime") throw reservedField(name);
  }
}

function reservedField(name: string): FunctionError {
  return new FunctionError(
    "InvalidValue",
    `Field '${name}' starts with an underscore, which is only allowed for system fields like '_id'`,
  );
}
