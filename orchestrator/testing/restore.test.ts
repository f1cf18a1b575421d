// An older backup of the database is restored while tasks run that it does not know of (facts: durable 6, test 24): at every point of a
// feature's life. Rows are never changed in place, so a backup is the rows.

import { expect, test } from "bun:test";
import { aTicket, FEATURE } from "@omakase/machines/testing/builders";
import { clientToken } from "../actors/effect-tokens.ts";
import { Deployment } from "./deployment.ts";

/** Steps of the whole world up to which the first run went when the backup was taken. */
const POINTS = Array.from({ length: 20 }, (_, index) => 2 + index * 2);
/** Steps that were made after the backup, and are forgotten. */
const FORGOTTEN = 3;

async function life(point: number) {
  const world = new Deployment();
  world.seedProject();
  world.seedFeature();
  /** Launches of a feature that began while another task of the same agent and attempt ran. */
  const doubled: string[] = [];
  const performers = (usual: ReturnType<Deployment["ends"]["performers"]>) => ({
    runTask: async (...[effect, context]: Parameters<typeof usual.runTask>) => {
      const name = `${context.actor}#${effect.attempt}`;
      const beside = world.ends.launches.filter((task) => task.isRunning && `${task.agent}#${task.attempt}` === name);
      if (beside.some(({ token }) => token !== clientToken(context.effectId))) doubled.push(name);
      return usual.runTask(effect, context);
    },
  });
  const first = world.start({ performers });
  world.send(FEATURE, "todo", { type: "ticket.changed", ticket: aTicket({ stateType: "unstarted", updatedAt: 1 }) });
  await world.until("the backup", () => world.tables.transitions.length >= point || isOver(world), 3_600_000);
  const restore = world.tables.backup();
  await world.until("more", () => world.tables.transitions.length >= point + FORGOTTEN || isOver(world), 3_600_000);
  const running = world.ends.launches.filter(({ isRunning }) => isRunning).length;
  first.process.kill();
  restore();
  world.start({ performers });
  // What ECS's own events had told is forgotten with the rest: the sweep asks ECS, which still knows.
  await world.pass(30_000);
  for (const { agent, attempt, taskArn, isRunning } of world.ends.launches) {
    const told = { type: "task.stopped", attempt, taskArn, exitCode: 0, stopCode: "EssentialContainerExited", reason: "swept" };
    if (!isRunning) world.ends.tell(agent, `ecs:${taskArn}:STOPPED`, told);
  }
  await world.until("the end", () => isOver(world), 12 * 3_600_000);
  await world.pass(60_000);
  return { world, doubled, running };
}

const stateOf = (world: Deployment) => JSON.parse(world.actor(FEATURE)?.snapshot ?? "{}").value?.work as unknown;
const isOver = (world: Deployment) => ["passing", "failing", "needsHuman", "merged"].includes(String(stateOf(world)));

test("an older backup, restored at any point: no running agent is launched beside itself, and the feature ends with one pull request", async () => {
  let [tasksRanUnknown, passed] = [0, 0];
  for (const point of POINTS) {
    const { world, doubled, running } = await life(point);
    expect({ point, doubled }).toEqual({ point, doubled: [] });
    const pulls = world.ends.made.filter((name) => name.startsWith("pull request"));
    // Reviewers of the simulation are hard to please: some of these features need a person in the end.
    expect({ point, state: stateOf(world), pulls }).toMatchObject(
      stateOf(world) === "passing" ? { pulls: [`pull request of ${FEATURE}`] } : { state: "needsHuman", pulls: [] },
    );
    passed += stateOf(world) === "passing" ? 1 : 0;
    // One task an effect: the same launch, asked for again under the same name, is the same task.
    const tokens = world.ends.launches.map(({ token }) => token);
    expect({ point, tokens: tokens.length }).toEqual({ point, tokens: new Set(tokens).size });
    tasksRanUnknown += running;
  }
  expect([tasksRanUnknown > 3, passed > 5]).toEqual([true, true]); // or nothing was tried
}, 60_000);
