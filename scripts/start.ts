// `npm start`: everything on one machine, until Ctrl-C.

import { join } from "node:path";
import { USERS } from "../local/identity/users.ts";
import { prepareLaunch } from "../local/launcher/launch.ts";
import { LaunchError, readOptions } from "../local/launcher/options.ts";

const root = join(import.meta.dir, "..");
const started = performance.now();
const tell = (line: string) => console.log(`  ${((performance.now() - started) / 1000).toFixed(1).padStart(5)} s  ${line}`);

try {
  const launch = await prepareLaunch(root, readOptions(root, process.argv.slice(2), process.env), tell);
  let stopping = false;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      if (stopping) return; // a terminal and npm both deliver Ctrl-C
      stopping = true;
      console.log("\n  stopping: agents hand in their work, then everything ends");
      void launch.stop().then(() => process.exit(0));
    });
  }
  await launch.start();
  const { urls } = launch.stack;
  console.log(`
  Omakase is running.

    Dashboard   ${urls.web}
    Tickets     ${urls.linear}     drag one to Todo, or: bun run omakase ticket start OMA-1
    GitHub      ${urls.github}
    API         ${urls.orchestrator}/openapi

    Log in as   ${USERS.map(({ email, role, password }) => `${email.padEnd(20)} ${`(${role})`.padEnd(12)} ${password}`).join("\n                ")}

    State and logs lie in ${launch.options.stateDir}. Ctrl-C stops everything; the next start goes on where this one was.
`);
} catch (error) {
  if (!(error instanceof LaunchError)) throw error;
  console.error(`\n  ${error.message}\n`);
  process.exit(1);
}
