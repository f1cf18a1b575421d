import { readdirSync, readFileSync } from "node:fs";
import { stepRate } from "./measures.ts";
import { Stage } from "./stage.ts";
import { calibrate } from "@omakase/local-system/bench/calibration";
const cpuOf = (pid: number) => { const st = readFileSync(`/proc/${pid}/stat`, "utf8"); const f = st.slice(st.lastIndexOf(")") + 2).split(" "); return (Number(f[11]) + Number(f[12])) * 10; };
console.log(calibrate());
const stage = await Stage.set();
const convex = readdirSync("/proc").filter((n) => /^\d+$/.test(n)).find((p) => { try { const st = readFileSync(`/proc/${p}/stat`, "utf8"); return readFileSync(`/proc/${p}/cmdline`, "utf8").includes("local/convex/main.ts") && Number(st.slice(st.lastIndexOf(")") + 2).split(" ")[1]) === process.pid; } catch { return false; } });
const shop = await stage.features(await stage.project("shop"), 256);
for (const round of [1, 2]) for (const [inFlight, events] of [[1, 1500], [16, 6000], [64, 12000], [256, 12000]] as const) {
  const a = [cpuOf(process.pid), convex ? cpuOf(Number(convex)) : 0];
  const rate = await stepRate(stage, shop, inFlight, events);
  const b = [cpuOf(process.pid), convex ? cpuOf(Number(convex)) : 0];
  console.log(round, inFlight, Math.round(rate), "host us/step", Math.round((b[0]! - a[0]!) * 1000 / events), "convex", Math.round((b[1]! - a[1]!) * 1000 / events));
}
await stage.end(); process.exit();
