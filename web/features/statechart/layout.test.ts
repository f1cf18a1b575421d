import { describe, expect, test } from "bun:test";
import { agentMachine } from "@omakase/machines/agent/agent-machine";
import { featureMachine } from "@omakase/machines/feature/feature-machine";
import { projectMachine } from "@omakase/machines/project/project-machine";
import Elk from "elkjs/lib/elk.bundled.js";
import { chartOf } from "./chart.ts";
import { drawingOf } from "./drawing.ts";
import { type Layout, layOut, type Placed } from "./layout.ts";

const elk = new Elk();
const overlaps = (one: Placed, other: Placed) =>
  one.x < other.x + other.width && other.x < one.x + one.width && one.y < other.y + other.height && other.y < one.y + one.height;
const holds = (outer: Placed, inner: Placed) =>
  inner.x >= outer.x &&
  inner.y >= outer.y &&
  inner.x + inner.width <= outer.x + outer.width &&
  inner.y + inner.height <= outer.y + outer.height;
const parentOf = (id: string) => id.slice(0, id.lastIndexOf("."));
const leaves = ({ boxes }: Layout) => boxes.filter(({ box }) => box.children.length === 0);

for (const machine of [projectMachine, featureMachine, agentMachine]) {
  for (const isCompact of [false, true]) {
    describe(`layout of the ${machine.id} machine${isCompact ? ", compact" : ""}`, async () => {
      const layout = await layOut(drawingOf(chartOf(machine), isCompact), elk);
      const at = new Map(layout.boxes.map((placed) => [placed.box.state.id, placed]));

      test("every state lies within its parent and within the chart", () => {
        const canvas = { x: 0, y: 0, width: layout.width, height: layout.height };
        for (const placed of layout.boxes) expect(holds(at.get(parentOf(placed.box.state.id)) ?? canvas, placed)).toBe(true);
      });

      test("no state covers a sibling", () => {
        const pairs = layout.boxes.flatMap((one, index) => layout.boxes.slice(index + 1).map((other) => [one, other] as const));
        const siblings = pairs.filter(([one, other]) => parentOf(one.box.state.id) === parentOf(other.box.state.id));
        expect(siblings.filter(([one, other]) => overlaps(one, other))).toEqual([]);
      });

      test("every line has a way and a label that covers no state", () => {
        for (const { points, label } of layout.lines) {
          expect(points.length).toBeGreaterThanOrEqual(2);
          expect(leaves(layout).filter((leaf) => overlaps(leaf, label))).toEqual([]);
        }
      });

      test("no label covers another", () => {
        const labels = layout.lines.map(({ label }) => label);
        expect(labels.flatMap((one, index) => labels.slice(index + 1).filter((other) => overlaps(one, other)))).toEqual([]);
      });

      test("a dot points at every state that is entered first", () => {
        const first = layout.boxes.filter(({ box }) => box.state.isInitial);
        expect(layout.markers.map(({ id }) => id).sort()).toEqual(first.map(({ box }) => `initial:${box.state.id}`).sort());
      });
    });
  }
}
