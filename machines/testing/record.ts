// `bun machines/testing/record.ts`: writes what is kept of the machines' present versions, when it is not there yet. A version that was
// released is never recorded again: change `version`, versions.json and, for actors that are stored, machines/migrations.ts instead.

import { existsSync } from "node:fs";
import { record } from "./recording.ts";

for (const recording of record()) {
  const file = `${import.meta.dir}/../recorded/${recording.kind}.${recording.version}.json`;
  if (existsSync(file)) {
    console.log(`${file} is kept as it is`);
    continue;
  }
  await Bun.write(file, `${JSON.stringify(recording)}\n`);
  console.log(`${file}: ${recording.states.length} states, ${recording.histories.length} histories`);
}
