import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Module, nativeNames } from "./native-names.ts";

const directory = mkdtempSync(join(tmpdir(), "native-names-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** As esbuild 0.27 writes them, minified and not. */
const SHORT = `var c = Object.defineProperty;\nvar d = (a, b) => c(a, "name", { value: b, configurable: !0 });\n`;
const LONG = `var __defProp = Object.defineProperty;\nvar __name = (target, value) => __defProp(target, "name", { value, configurable: true });\n`;
const DEPS: Module = { path: "_deps/H.js", source: `${SHORT}\nexport {\n  d as a\n};\n` };
const IMPORT = `import {\n  a as s\n} from "./_deps/H.js";\n`;

/** The exports of `main.js` as pushed and as loaded, and what is loaded. */
async function both(source: string, others: readonly Module[] = [DEPS]) {
  const modules = [...others, { path: "main.js", source }];
  const texts = nativeNames(modules);
  const load = async (folder: string, textOf: (module: Module) => string): Promise<Record<string, unknown>> => {
    for (const module of modules) {
      const file = join(folder, module.path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, textOf(module));
    }
    return import(join(folder, "main.js"));
  };
  const pushed = await load(mkdtempSync(join(directory, "pushed-")), (module) => module.source);
  const loaded = await load(mkdtempSync(join(directory, "loaded-")), (module) => texts.get(module.path) ?? module.source);
  return { pushed, loaded, text: texts.get("main.js") ?? source };
}

const shapeOf = (value: unknown) =>
  typeof value === "function"
    ? { own: Object.getOwnPropertyNames(value), name: Object.getOwnPropertyDescriptor(value, "name"), text: value.toString() }
    : value;

describe("names given by the language", () => {
  const bundled = `${IMPORT}
// line 4
export var arrow = /* @__PURE__ */ s(async (e) => e, "get"), old = s(function (x) { return x; }, "a name"), made = s(
  () => (o) => s(() => o, "inner"),
  "outer"
);
export const inObject = { get: s(async (e) => e.db.query("x").withIndex("y", (q) => q.eq("z", 1)).collect(), "get") };
export const made2 = s((t = s(() => 1, "default")) => t, "withDefault");
export const line = s(() => new Error("here").stack.split("\\n")[1].split(":").at(-2), "line");
export const get = inObject.get, inner = made()(5), given = made2(), lineNumber = line();`;

  test("are the same functions, with the same properties, on the same lines, without the helper", async () => {
    const { pushed, loaded, text } = await both(bundled);
    for (const name of ["arrow", "old", "made", "get", "inner", "given", "made2", "line"]) {
      const [before, after] = [shapeOf(pushed[name]), shapeOf(loaded[name])] as [{ text: string }, { text: string }];
      if (name === "made" || name === "made2") after.text = before.text; // the functions inside read differently
      expect(after).toEqual(before);
    }
    expect((loaded.inner as () => number)()).toBe(5);
    expect(loaded.lineNumber).toBe(pushed.lineNumber);
    expect(text.split("\n")).toHaveLength(bundled.split("\n").length);
    expect(text).not.toMatch(/\bs\(/);
  });

  test("N1: the helper is known in a module of its own, minified or not, and in the module that uses it", async () => {
    for (const [helper, name] of [
      [SHORT, "d"],
      [LONG, "__name"],
    ] as const) {
      const { loaded, text } = await both(`${helper}export const f = ${name}(() => 1, "named");`, []);
      expect(text).toEndWith(`export const f = ({_:0,"named":() => 1})["named"];`);
      expect((loaded.f as { name: string }).name).toBe("named");
    }
  });

  test.each([
    ["another attribute", `var c = Object.defineProperty; var d = (a, b) => c(a, "name", { value: b, configurable: !1 });`],
    [
      "another property",
      `var c = Object.defineProperty; var d = (a, b) => c(a, "label", { value: b, configurable: !0 }), o = { "name": { value: 1 } };`,
    ],
    ["another value", `var c = Object.defineProperty; var d = (a, b) => c(a, "name", { value: b + "!", configurable: !0 });`],
    [
      "another function",
      `var c = (f, n, { value }) => Object.assign(f, { label: value }); var d = (a, b) => c(a, "name", { value: b, configurable: !0 });`,
    ],
    [
      "one that is replaced later",
      `var c = Object.defineProperty; var d = (a, b) => c(a, "name", { value: b, configurable: !0 }); d = (f) => f;`,
    ],
  ])("N1: what only looks like the helper is left alone: %s", (_, helper) => {
    const source = `${helper}\nexport const f = d(() => 1, "named");`;
    expect(nativeNames([{ path: "main.js", source }]).size).toBe(0);
  });

  test.each([
    ["a parameter of the same name", `export const f = (s) => s(() => 1, "close"); export const result = f((_, name) => name);`],
    [
      "a variable of a function",
      `export const result = (() => { { var s = (_, name) => name; } return s(() => 1, "close"); })();`,
    ],
    [
      "a caught error",
      `let r; try { throw (_, name) => name; } catch (s) { r = (() => s(() => 1, "x"))(); } export const result = r;`,
    ],
    ["a pattern", `export const result = (({ deep: [s = null] }) => s(() => 1, "close"))({ deep: [(_, name) => name] });`],
    [
      "a function expression's own name",
      `export const result = (function s(f, n) { return n ? typeof s(f) : s === f; })(() => 1, "x");`,
    ],
    ["a function called on the spot", `export const result = s(function () { return this; }, "x")() === undefined;`],
    ["one whose property is read", `export const result = s(() => 1, "x").name;`],
    ["a named function", `function a() {} s(a, "long"); export const result = a.name;`],
    ["a name that is worked out", `const n = "x"; export const result = s(() => 1, n).name;`],
    ["__proto__", `const f = s(() => 1, "__proto__"); export const result = f.name;`],
    ["more arguments", `const f = s(() => 1, "x", 3); export const result = f.name;`],
  ])("N2: left alone: %s", async (_, code) => {
    const source = `${IMPORT}${code}`;
    const { pushed, loaded, text } = await both(source);
    expect(loaded.result).toEqual(pushed.result);
    expect(text).toBe(source);
  });

  test("N3: a module that cannot be read is left as it is, and so are its neighbours' lines", () => {
    const texts = nativeNames([
      DEPS,
      { path: "broken.js", source: `${IMPORT}export const = s(() => 1, "x");` },
      { path: "main.js", source: bundled },
    ]);
    expect([...texts.keys()]).toEqual(["main.js"]);
  });
});
