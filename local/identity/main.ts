// Starts the local identity provider from the command line. Only this file reads arguments or exits.
import { parseArgs } from "node:util";
import { readClients } from "./clients.ts";
import { ClientsFileError, PortTakenError, StateError } from "./errors.ts";
import { startIdentity } from "./identity.ts";

const { values } = parseArgs({
  options: {
    dir: { type: "string" },
    port: { type: "string", default: "4400" },
    "clients-file": { type: "string" },
    audience: { type: "string" },
  },
});

/** A command line that cannot be obeyed. */
class UsageError extends Error {}

try {
  if (values.dir === undefined) throw new UsageError("Say where to keep keys and sessions: --dir <folder>.");
  if (values["clients-file"] === undefined)
    throw new UsageError("Say which applications may ask for tokens: --clients-file <file>.");
  if (!/^\d{1,5}$/.test(values.port)) throw new UsageError(`--port ${values.port} is not a port.`);
  const identity = await startIdentity({
    dir: values.dir,
    port: Number(values.port),
    clients: await readClients(values["clients-file"]),
    ...(values.audience === undefined ? {} : { audience: values.audience }),
  });
  console.log(JSON.stringify({ ready: true, url: identity.url }));
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    process.once(signal, () => void identity.stop().then(() => process.exit(0)));
} catch (error) {
  const isExpected = [UsageError, ClientsFileError, PortTakenError, StateError].some((type) => error instanceof type);
  console.error(isExpected && error instanceof Error ? error.message : error);
  process.exit(1);
}
