// One host in a process of its own, for what needs killing: `bun host-process.ts`, with CONVEX_URL, TOKEN and OWNER in the environment.
// On standard output, lines of JSON: {"ready": ms} once, then {"steps", "timers", "at"} after each commit, counted since its start.

import { createHost } from "../actors/host.ts";
import { createLog } from "../log.ts";
import { createCaller, createConvexStore } from "../store/convex-store.ts";
import { performersThatAnswerAtOnce } from "./performers.ts";

const { CONVEX_URL = "", TOKEN = "", OWNER = "" } = process.env;
const token = async () => TOKEN;
const caller = createCaller(CONVEX_URL, token);
const store = createConvexStore(CONVEX_URL, OWNER, token, caller);
const host = createHost({ store, performers: performersThatAnswerAtOnce(), log: createLog() });
const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);
let steps = 0;
let timers = 0;
host.onStored((stored) => {
  steps += stored.length;
  for (const { eventType } of stored) if (eventType.startsWith("xstate.after.")) timers++;
  say({ steps, timers, at: Date.now() });
});
await host.start();
while (!host.ready()) await Bun.sleep(5);
say({ ready: Date.now() });
