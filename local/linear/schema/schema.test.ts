// The schema rebuilt from the SDK: whole, valid, cached by version, and never half read.
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildSchema, isObjectType, parse, printSchema, validate, validateSchema } from "graphql";
import { loadSchema } from "./load.ts";
import { parseSdkTypes, readSdkTypes, sdkVersion, UnreadableSdkError } from "./sdk-types.ts";
import { printSdl } from "./sdl.ts";

const directory = mkdtempSync(join(tmpdir(), "omakase-linear-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe("the schema rebuilt from the SDK", () => {
  test("it is valid, and holds every query and mutation the SDK can send", () => {
    const schema = buildSchema(printSdl(readSdkTypes()));
    expect(validateSchema(schema)).toEqual([]);
    const fields = (type: unknown) =>
      isObjectType(type as never) ? Object.keys((type as { getFields(): object }).getFields()).length : 0;
    expect(fields(schema.getQueryType())).toBeGreaterThan(150);
    expect(fields(schema.getMutationType())).toBeGreaterThan(350);
  });

  test("every document the SDK ships is valid against it", () => {
    const schema = buildSchema(printSdl(readSdkTypes()));
    const dist = join(Bun.resolveSync("@linear/sdk", import.meta.dir), "..");
    const source = readFileSync(join(dist, "index.mjs"), "utf8");
    const documents = [...source.matchAll(/TypedDocumentString\(`([^`]+)`/g)]
      .map((match) => match[1]!)
      .filter((text) => /^\s*(query|mutation) /.test(text));
    expect(documents.length).toBeGreaterThan(500);
    const invalid = documents.flatMap((text) =>
      validate(schema, parse(text)).map((error) => `${text.slice(0, 80)}: ${error.message}`),
    );
    expect(invalid).toEqual([]);
  }, 30_000);

  test("C1: the second load comes from the cache, and a torn cache is built again", () => {
    const first = printSchema(loadSchema(directory));
    const [cache] = readdirSync(directory);
    expect(cache).toContain(sdkVersion());
    expect(printSchema(loadSchema(directory))).toBe(first);
    writeFileSync(join(directory, cache!), readFileSync(join(directory, cache!), "utf8").slice(0, 100_001));
    expect(printSchema(loadSchema(directory))).toBe(first);
  });

  test("T1: a type file in another form is an error that says so", () => {
    expect(() => parseSdkTypes("type Mutation = {\n};")).toThrow(UnreadableSdkError);
    expect(() => parseSdkTypes("type Scalars = {\n  ID: string;\n};\ntype Query = {\n  a: string;\n};")).toThrow(
      "no longer declares",
    );
  });
});
