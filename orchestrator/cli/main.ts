// `bun run omakase …`: reads the environment, prints, exits. The commands are in program.ts.

import { OmakaseError, reasonOf } from "../errors.ts";
import { createProgram } from "./program.ts";
import { readSettings } from "./settings.ts";

const program = createProgram({
  settings: (stateDir) => readSettings(process.env, stateDir),
  print: (text) => console.log(text),
});
try {
  await program.parseAsync();
} catch (error) {
  console.error(error instanceof OmakaseError ? error.message : reasonOf(error));
  process.exit(1);
}
