// The specifications are kept true: what a machine has, its specification names, and a promise without a test is no promise.

import { describe, expect, test } from "bun:test";
import { MACHINES } from "./index.ts";
import { leavesOf } from "./testing/builders.ts";

const read = (path: string) => Bun.file(`${import.meta.dir}/${path}`).text();

/** Every test's name in the folder. */
async function testNames(): Promise<string> {
  const names: string[] = [];
  for await (const file of new Bun.Glob("**/*.test.ts").scan({ cwd: import.meta.dir })) {
    if (file.includes("node_modules")) continue;
    for (const [, name] of (await read(file)).matchAll(/\btest\(\s*["'`]([^\n]*?)["'`],/g)) names.push(name ?? "");
  }
  return names.join("\n");
}

describe("specifications", () => {
  for (const [kind, machine] of Object.entries(MACHINES)) {
    test(`the ${kind}'s names its version, every state and every event`, async () => {
      const text = await read(`${kind}/SPECIFICATION.md`);
      expect(text).toContain(`version ${machine.version}`);
      const states = leavesOf(machine).map((leaf) => leaf.replace(/^(work|hold)\./, ""));
      const events = machine.events.filter((type) => !type.startsWith("xstate."));
      expect([...states, ...events].filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
    });

    test(`every invariant of the ${kind}'s machine is in its specification and in the name of a test`, async () => {
      const [text, code, names] = await Promise.all([
        read(`${kind}/SPECIFICATION.md`),
        read(`${kind}/${kind}-machine.ts`),
        testNames(),
      ]);
      const invariants = [...code.matchAll(/^\/\/ {3}([A-Z]\d+)\. /gm)].map(([, id]) => id ?? "");
      expect(invariants.length).toBeGreaterThan(7);
      expect(invariants.filter((id) => !new RegExp(`\\| ${id} +\\|`).test(text))).toEqual([]);
      expect(invariants.filter((id) => !new RegExp(`\\b${id}\\b`).test(names))).toEqual([]);
    });
  }
});
