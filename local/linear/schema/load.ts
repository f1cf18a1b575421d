// The executable schema: Linear's SDL for the installed SDK, cached on disk by SDK version, with the scalars Linear checks.
//   C1. A cached SDL is used only for the SDK version whose name it carries; a broken cache is rebuilt, never trusted.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildSchema, GraphQLError, type GraphQLSchema, isScalarType, Kind, type ValueNode, valueFromASTUntyped } from "graphql";
import { readSdkTypes, sdkVersion } from "./sdk-types.ts";
import { printSdl } from "./sdl.ts";

/** Bumped when the printer changes, so that an SDL printed by older code is not reused. */
const PRINTER_VERSION = 1;

/**
 * Builds Linear's schema for the installed SDK (about 0.1 s from the cache, 0.2 s without). Safe to repeat.
 * @throws {UnreadableSdkError} if the SDK's types changed their form
 */
export function loadSchema(dataDirectory: string): GraphQLSchema {
  const cachePath = join(dataDirectory, `linear-sdk-${sdkVersion()}-v${PRINTER_VERSION}.graphql`);
  return withScalars(fromCache(cachePath) ?? printedAndCached(cachePath));
}

function fromCache(cachePath: string): GraphQLSchema | undefined {
  if (!existsSync(cachePath)) return undefined;
  try {
    return buildSchema(readFileSync(cachePath, "utf8"), { assumeValidSDL: true });
  } catch {
    return undefined; // C1: torn or edited by hand
  }
}

function printedAndCached(cachePath: string): GraphQLSchema {
  const sdl = printSdl(readSdkTypes());
  const schema = buildSchema(sdl);
  mkdirSync(join(cachePath, ".."), { recursive: true });
  writeFileSync(`${cachePath}.${process.pid}`, sdl);
  renameSync(`${cachePath}.${process.pid}`, cachePath); // a reader sees the whole file or none
  return schema;
}

/** Linear's own scalars accept anything in a schema built from text; these check what the real server checks. */
const SCALARS: Record<string, (value: unknown) => unknown> = {
  DateTime: (value) => isoTime("DateTime", value),
  TimelessDate: (value) => {
    if (typeof value === "string" && /^\d{4}-\d\d-\d\d/.test(value)) return value.slice(0, 10);
    throw new GraphQLError(`TimelessDate cannot represent ${JSON.stringify(value)}: give a date as YYYY-MM-DD`);
  },
  JSONObject: (value) => {
    if (typeof value === "object" && value !== null) return value; // lists too: an agent session's plan is documented as one
    throw new GraphQLError(`JSONObject cannot represent ${JSON.stringify(value)}: give an object`);
  },
};

function isoTime(scalar: string, value: unknown): string {
  const time = typeof value === "string" || typeof value === "number" ? new Date(value) : undefined;
  if (time && !Number.isNaN(time.getTime())) return time.toISOString(); // one form, so that stored times compare as text
  throw new GraphQLError(`${scalar} cannot represent ${JSON.stringify(value)}: give an ISO 8601 time`);
}

function withScalars(schema: GraphQLSchema): GraphQLSchema {
  for (const [name, parse] of Object.entries(SCALARS)) {
    const type = schema.getType(name);
    if (!isScalarType(type)) continue;
    const literal = (node: ValueNode, variables?: Record<string, unknown> | null) =>
      parse(node.kind === Kind.NULL ? null : valueFromASTUntyped(node, variables));
    Object.assign(type, { parseValue: parse, coerceInputValue: parse, parseLiteral: literal });
  }
  // Linear's JSON scalar is a text on the wire (the SDK parses it); only JSONObject is an object.
  const asText = (value: unknown) => JSON.stringify(value);
  const json = schema.getType("JSON");
  if (isScalarType(json)) Object.assign(json, { serialize: asText, coerceOutputValue: asText });
  return schema;
}
