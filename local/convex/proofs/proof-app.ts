// The proofs' own app (`fixtures/proofs`) on a server process of its own.
import { resolve } from "node:path";
import { pushApp, type ServerProcess, spawnServer, tempDir } from "../testing/fixture-deployment.ts";

export const PROOF_APP_DIR = resolve(import.meta.dir, "../fixtures/proofs");

export interface ProofServer extends ServerProcess {
  readonly dir: string;
  /** Ends the process and removes its data. */
  remove(): Promise<void>;
}

/** A fresh deployment with the app pushed. `extraArgs` go to the server's command line. */
export async function startProofServer(port = 0, extraArgs: string[] = []): Promise<ProofServer> {
  const { dir, remove } = tempDir();
  const server = await spawnServer(dir, port, extraArgs);
  await pushApp(server.url, PROOF_APP_DIR);
  return {
    ...server,
    dir,
    remove: async () => {
      await server.kill9();
      remove();
    },
  };
}
