// Every version that ever ran can still be read: what was recorded of it is brought to this build, and of this build's own version
// it is repeated, step by step.

import { describe, expect, test } from "bun:test";
import type { AnyMachineSnapshot, AnyStateMachine } from "xstate";
import type { ActorKind } from "./ids.ts";
import { begin, MACHINE_VERSIONS, MACHINES, persist, restore, step } from "./index.ts";
import { migrated, UnknownVersionError } from "./migrations.ts";
import { leavesOf } from "./testing/builders.ts";
import { type RecordedStep, type Recording, stateValueIn } from "./testing/recording.ts";
import versions from "./versions.json";

const KINDS = Object.keys(MACHINES) as ActorKind[];
const machineOf = (kind: ActorKind): AnyStateMachine => MACHINES[kind];

async function recorded(kind: ActorKind, version: string): Promise<Recording> {
  return (await Bun.file(`${import.meta.dir}/recorded/${kind}.${version}.json`).json()) as Recording;
}

/** Leaves of a state value, as `leavesOf` names those of a machine: one a region. */
function leaves(value: unknown, path = ""): string[] {
  if (typeof value === "string") return [path === "" ? value : `${path}.${value}`];
  return Object.entries(value as object).flatMap(([name, below]) => leaves(below, path === "" ? name : `${path}.${name}`));
}

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

for (const kind of KINDS) {
  describe(`the recorded versions of the ${kind} machine`, () => {
    for (const [version, hash] of Object.entries(versions[kind])) {
      test(`version ${version} was recorded as versions.json has it (bun machines/testing/record.ts)`, async () => {
        const { hash: of, ...recording } = await recorded(kind, version);
        expect({ ...recording, states: [], histories: [], of }).toEqual({ kind, version, states: [], histories: [], of: hash });
      });

      test(`an actor stored by version ${version} in any state is read by this build, and takes the event it took then`, async () => {
        const machine = machineOf(kind);
        for (const { snapshot, event } of (await recorded(kind, version)).states) {
          const restored = restore(machine, migrated(kind, version, snapshot)) as AnyMachineSnapshot;
          const next = step(machine, restored, event as never);
          expect({ event, status: next.snapshot.status }).not.toMatchObject({ status: "error" });
        }
      });
    }

    test("this build's version was recorded in every state an actor can be moved from", async () => {
      const { states } = await recorded(kind, MACHINE_VERSIONS[kind]);
      const seen = new Set(states.flatMap(({ snapshot }) => leaves(stateValueIn(snapshot))));
      const machine = machineOf(kind);
      const finals = new Set(leavesOf(machine).filter((leaf) => isFinal(machine, leaf)));
      expect(leavesOf(machine).filter((leaf) => !seen.has(leaf) && !finals.has(leaf))).toEqual([]);
    });

    test("histories of this build's version happen again: the same states, asks and effects, in the same order", async () => {
      const machine = machineOf(kind);
      for (const { address, input, born, steps } of (await recorded(kind, MACHINE_VERSIONS[kind])).histories) {
        let now = begin(machine, input as never);
        const told = (): Omit<RecordedStep, "event"> => ({
          to: stateValueIn(persist(machine, now.snapshot)),
          asked: plain(now.asked) as never,
        });
        expect({ address, ...told() }).toEqual({ address, ...born });
        for (const [index, { event, ...then }] of steps.entries()) {
          now = step(machine, restore(machine, persist(machine, now.snapshot)), event as never);
          expect({ address, index, ...told() }).toEqual({ address, index, ...then });
        }
      }
    });

    test("a version that this build has no way from is refused, naming both", () => {
      expect(() => migrated(kind, "0", "{}")).toThrow(UnknownVersionError);
      expect(() => migrated(kind, "0", "{}")).toThrow(
        `version 0 of the ${kind} machine; this build has ${MACHINE_VERSIONS[kind]}`,
      );
    });
  });
}

function isFinal(machine: AnyStateMachine, leaf: string): boolean {
  const node = leaf.split(".").reduce((at, name) => at.states[name]!, machine.root);
  return node.type === "final";
}
