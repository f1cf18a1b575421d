// Reads the type file the installed @linear/sdk ships: it holds every type, input, enum, union and argument list
// of Linear's schema, as generated TypeScript. Knows nothing of GraphQL's own syntax (sdl.ts prints that).
//   T1. A file that does not look as expected is an error that says so, never a schema with holes in it.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export interface SdkField {
  readonly name: string;
  /** The TypeScript type as written, for example `Maybe<Array<Issue>>`. */
  readonly type: string;
}

export interface SdkObject {
  readonly name: string;
  /** Names it is intersected with: interfaces, for an output type. */
  readonly parents: readonly string[];
  readonly fields: readonly SdkField[];
  /** Output types carry `__typename`; inputs, argument lists and interfaces do not. */
  readonly isOutput: boolean;
}

export interface SdkTypes {
  readonly scalars: readonly string[];
  readonly enums: ReadonlyMap<string, readonly string[]>;
  readonly unions: ReadonlyMap<string, readonly string[]>;
  readonly objects: ReadonlyMap<string, SdkObject>;
}

/** The installed SDK's types are not in the form this server can read. */
export class UnreadableSdkError extends Error {
  readonly code = "UNREADABLE_SDK";
  override readonly name = "UnreadableSdkError";
}

const sdkFolder = (): string => dirname(fileURLToPath(import.meta.resolve("@linear/sdk")));

/** The version of the installed SDK, for example "98.0.0". @throws {UnreadableSdkError} */
export function sdkVersion(): string {
  const parsed: unknown = JSON.parse(readFileSync(join(sdkFolder(), "..", "package.json"), "utf8"));
  if (typeof parsed === "object" && parsed !== null && "version" in parsed && typeof parsed.version === "string")
    return parsed.version;
  throw new UnreadableSdkError("@linear/sdk has no version in its package.json. Install it again with `bun install`.");
}

/** Parses the installed SDK's type file (about 4 MB, 100 ms). @throws {UnreadableSdkError} (T1) */
export function readSdkTypes(): SdkTypes {
  const folder = sdkFolder();
  for (const name of readdirSync(folder).filter((file) => file.endsWith(".d.mts"))) {
    const text = readFileSync(join(folder, name), "utf8");
    if (text.includes("type Mutation = {")) return parseSdkTypes(text);
  }
  throw new UnreadableSdkError("@linear/sdk ships no file that declares Linear's schema. Use the version this repository pins.");
}

/** Parses the text of the SDK's type file. @throws {UnreadableSdkError} (T1) */
export function parseSdkTypes(text: string): SdkTypes {
  const source = text.replace(/\/\*[\s\S]*?\*\//g, "");
  const scalarBlock = /^type Scalars = \{([\s\S]*?)\n\};/m.exec(source)?.[1];
  if (scalarBlock === undefined) throw new UnreadableSdkError("@linear/sdk no longer declares its scalars as `type Scalars`.");
  const scalars = [...scalarBlock.matchAll(/^\s+(\w+):/gm)].map((match) => match[1]!);

  const enums = new Map<string, string[]>();
  for (const [, name, body] of source.matchAll(/^(?:export )?declare enum (\w+) \{([\s\S]*?)\n\}/gm)) {
    enums.set(
      name!,
      [...body!.matchAll(/= "([^"]+)"/g)].map((match) => match[1]!),
    );
  }

  const unions = new Map<string, string[]>();
  for (const [, name, body] of source.matchAll(/^type (\w+) =\s*([\w\s|]+);/gm)) {
    if (body!.includes("|"))
      unions.set(
        name!,
        body!
          .split("|")
          .map((member) => member.trim())
          .filter(Boolean),
      );
  }

  const objects = new Map<string, SdkObject>();
  for (const [, name, parents, body] of source.matchAll(/^type (\w+) = ([\w &]*)\{\n([\s\S]*?)\n\};/gm)) {
    objects.set(name!, parseObject(name!, parents!, body!));
  }
  for (const root of ["Query", "Mutation", "Issue", "IssueCreateInput"]) {
    if (!objects.get(root)?.fields.length)
      throw new UnreadableSdkError(`@linear/sdk no longer declares \`type ${root}\` with its fields.`);
  }
  return { scalars, enums, unions, objects };
}

function parseObject(name: string, parents: string, body: string): SdkObject {
  const fields: SdkField[] = [];
  let isOutput = false;
  // A long type is broken over several lines, indented further than a field.
  for (const [, field, type] of body.replace(/\n {4,}(?=\S)/g, " ").matchAll(/^ {2}(\w+)\??: (.+);$/gm)) {
    if (field === "__typename") isOutput = true;
    else fields.push({ name: field!, type: type! });
  }
  return {
    name,
    parents: parents
      .split("&")
      .map((parent) => parent.trim())
      .filter(Boolean),
    fields,
    isOutput,
  };
}
