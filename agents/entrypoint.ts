// The container's main program: reads the environment, listens for SIGTERM, runs one agent, exits with its code. Nothing else in
// this folder reads `process.env` or exits.
//
//   OMAKASE_URL     the orchestrator as this container reaches it
//   OMAKASE_RUN     which run this is
//   OMAKASE_CODE    the one-time code that claims it
//   OMAKASE_CLAUDE  the Claude Code program; the package's own by default

import { tmpdir } from "node:os";
import { join } from "node:path";
import { runAgent } from "./run.ts";
import { Stop } from "./stop.ts";

const say = (event: string, fields: Readonly<Record<string, string | number | null>>): void => {
  process.stderr.write(`${JSON.stringify({ at: new Date().toISOString(), event, ...fields })}\n`);
};

const missing = ["OMAKASE_URL", "OMAKASE_RUN", "OMAKASE_CODE"].filter((name) => !process.env[name]);
if (missing.length > 0) {
  say("run.not_begun", { reason: `Set ${missing.join(", ")}: this program is started by the orchestrator's ECS task.` });
  process.exit(1);
}
const {
  OMAKASE_URL = "",
  OMAKASE_RUN = "",
  OMAKASE_CODE = "",
  OMAKASE_CLAUDE,
  PATH = "/usr/local/bin:/usr/bin:/bin",
} = process.env;

const stop = new Stop();
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => stop.ask({ by: "signal" }));

const exitCode = await runAgent(
  {
    url: OMAKASE_URL.replace(/\/$/, ""),
    run: OMAKASE_RUN,
    code: OMAKASE_CODE,
    claude: OMAKASE_CLAUDE || join(import.meta.dirname, "node_modules/.bin/claude"),
    path: PATH,
    tmp: tmpdir(),
    say,
  },
  stop,
);
process.exit(exitCode);
