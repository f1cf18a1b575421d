// Starts the scripted model from the command line. Only this file reads arguments or exits.

import { join } from "node:path";
import { parseArgs } from "node:util";
import { loadScripts, ScriptError } from "./library.ts";
import { PortTakenError, startModel } from "./model.ts";

const { values } = parseArgs({
  options: {
    dir: { type: "string" },
    port: { type: "string", default: "4040" },
    scripts: { type: "string", default: join(import.meta.dirname, "scripts") },
    "api-key-file": { type: "string" },
    pace: { type: "string", default: "1" },
  },
});

/** A command line that cannot be obeyed. */
class UsageError extends Error {}

try {
  if (values.dir === undefined) throw new UsageError("Say where to keep the request journal: --dir <folder>.");
  const model = startModel({
    dir: values.dir,
    port: numberOf("port", values.port, 65_535),
    scripts: await loadScripts(values.scripts),
    pace: numberOf("pace", values.pace, 1_000),
    ...(values["api-key-file"] === undefined ? {} : { apiKey: await keyFrom(values["api-key-file"]) }),
  });
  console.log(JSON.stringify({ ready: true, url: model.url }));
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => void model.stop().then(() => process.exit(0)));
} catch (error) {
  const isExpected = error instanceof UsageError || error instanceof ScriptError || error instanceof PortTakenError;
  console.error(isExpected ? error.message : error);
  process.exit(1);
}

function numberOf(flag: string, text: string, max: number): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < 0 || value > max) {
    throw new UsageError(`--${flag} ${text} is not a number from 0 to ${max}.`);
  }
  return value;
}

async function keyFrom(file: string): Promise<string> {
  const key = await Bun.file(file)
    .text()
    .catch(() => "");
  if (key.trim() === "") throw new UsageError(`${file} holds no key: put the API key into it, or leave --api-key-file out.`);
  return key.trim();
}
