import { describe, expect, test } from "bun:test";
import { assign, fromPromise, sendTo, setup } from "xstate";
import { asks } from "./asks.ts";
import type { ActorKind } from "./ids.ts";
import { definitionHash, impurities, MACHINE_VERSIONS, MACHINES } from "./index.ts";
import versions from "./versions.json";

const KINDS = Object.keys(MACHINES) as ActorKind[];

describe("purity", () => {
  for (const kind of KINDS) {
    test(`the ${kind} machine asks and decides, and does nothing`, () => {
      expect(impurities(MACHINES[kind])).toEqual([]);
    });
  }

  const pure = setup({ actions: asks(), guards: { known: () => true } });
  const IMPURE: readonly [string, Parameters<typeof impurities>[0], string][] = [
    [
      "invoking",
      setup({ actions: asks(), actors: { job: fromPromise(async () => 1) } }).createMachine({
        version: "1",
        invoke: { src: "job" },
      }),
      "invokes",
    ],
    ["an inline action", pure.createMachine({ version: "1", entry: () => {} }), "without a name"],
    [
      "an inline action on a transition",
      pure.createMachine({ version: "1", on: { go: { actions: () => {} } } }),
      "without a name",
    ],
    ["an inline action on a timer", pure.createMachine({ version: "1", after: { 5: { actions: () => {} } } }), "without a name"],
    [
      "an inline guard",
      pure.createMachine({ version: "1", on: { go: { guard: () => true, actions: "effect" as never } } }),
      "guard without a name",
    ],
    ["an unwritten action", pure.createMachine({ version: "1", entry: "nobody" as never }), "nobody wrote"],
    [
      "sending by itself",
      pure.createMachine({ version: "1", entry: sendTo("other" as never, { type: "hello" } as never) }),
      "without a name",
    ],
    [
      "a named function that acts",
      setup({ actions: { ...asks(), log: () => console.log("hi") } }).createMachine({ version: "1", entry: "log" }),
      "not a plan",
    ],
    [
      "deep history",
      pure.createMachine({ version: "1", initial: "on", states: { on: {}, back: { type: "history" } } }),
      "history state",
    ],
    ["no version", pure.createMachine({}), "no version"],
    ["no way to ask", setup({ actions: { note: assign({}) } }).createMachine({ version: "1" }), "cannot ask"],
  ];
  for (const [what, machine, sentence] of IMPURE) {
    test(`${what} is refused`, () => {
      expect(impurities(machine).join("; ")).toContain(sentence);
    });
  }

  test("nothing in this folder reads a clock, a random number, the environment or a disk, except its tests", async () => {
    const sources = new Bun.Glob("**/*.ts").scan({ cwd: import.meta.dir });
    const forbidden =
      /\b(Date\.now|new Date|Math\.random|performance\.now|process\.|crypto\.|setTimeout|fetch\(|Bun\.|sendParent|sendTo|invoke:)|"node:/;
    for await (const file of sources) {
      if (file.includes("node_modules") || file.endsWith(".test.ts") || file.startsWith("testing/")) continue;
      expect({ file, found: (await Bun.file(`${import.meta.dir}/${file}`).text()).match(forbidden)?.[0] ?? null }).toEqual({
        file,
        found: null,
      });
    }
  });
});

describe("versions.json", () => {
  for (const kind of KINDS) {
    test(`the ${kind} machine is the one its version names: after a change, bump \`version\` and add the new hash`, () => {
      const known: Record<string, string> = versions[kind];
      expect({ version: MACHINE_VERSIONS[kind], hash: definitionHash(MACHINES[kind]) }).toEqual({
        version: MACHINE_VERSIONS[kind],
        hash: known[MACHINE_VERSIONS[kind]] ?? "not in versions.json",
      });
    });
  }

  const base = () => setup({ guards: { a: () => true, b: () => true }, actions: asks() });
  const hashOf = (config: Parameters<ReturnType<typeof base>["createMachine"]>[0]) =>
    definitionHash(base().createMachine(config));

  test("a hash changes with a state, a target, a guard's or an action's name, a delay and the order of transitions", () => {
    const hashes = [
      hashOf({ initial: "x", states: { x: { on: { go: "y" } }, y: {} } }),
      hashOf({ initial: "x", states: { x: { on: { go: "z" } }, z: {} } }),
      hashOf({ initial: "x", states: { x: { on: { go: { target: "y", guard: "a" } } }, y: {} } }),
      hashOf({ initial: "x", states: { x: { on: { go: { target: "y", guard: "b" } } }, y: {} } }),
      hashOf({
        initial: "x",
        states: {
          x: {
            on: {
              go: [
                { target: "y", guard: "a" },
                { target: "x", guard: "b" },
              ],
            },
          },
          y: {},
        },
      }),
      hashOf({
        initial: "x",
        states: {
          x: {
            on: {
              go: [
                { target: "x", guard: "b" },
                { target: "y", guard: "a" },
              ],
            },
          },
          y: {},
        },
      }),
      hashOf({ initial: "x", states: { x: { on: { go: "y" }, after: { 5: "y" } }, y: {} } }),
    ];
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  test("a hash does not change with the version or the order of keys", () => {
    expect(hashOf({ version: "2", initial: "x", states: { x: { on: { go: "y", stop: "y" } }, y: {} } })).toBe(
      hashOf({ initial: "x", version: "1", states: { x: { on: { stop: "y", go: "y" } }, y: {} } }),
    );
  });
});
