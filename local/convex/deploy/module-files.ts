// Modules on disk: written under `<dir>/modules/<hash>/` and imported from there.
//   M1. The folder is only a cache: the database holds the bundle, and a missing or half-written folder is written again.
//   M2. Other modules, other variables or another component mean another folder, so modules are evaluated anew: what they
//       computed at the top level is never stale, and nobody shares it.
// Module state survives between calls (Convex starts every call afresh). The memory of replaced versions is not given back until a restart.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { badRequest } from "../http/replies.ts";
import { type ImportCall, importInCall, NO_SYSCALLS } from "../runner/call.ts";
import { failureOf } from "../runner/failure.ts";
import { LogLines } from "../runner/log-lines.ts";
import type { BundledModule } from "./bundle.ts";

export type ModuleExports = Readonly<Record<string, unknown>>;
type LoadableModule = Pick<BundledModule, "path" | "source" | "loaded">;
type Env = Readonly<Record<string, string>>;

export class ModuleFolder {
  private constructor(readonly path: string) {}

  /**
   * M1, M2
   * @param dir the deployment's data folder
   * @param owner whose modules these are: equal modules of different owners stay apart
   */
  static write(dir: string, owner: string, modules: readonly LoadableModule[], env: Env): ModuleFolder {
    const hash = createHash("sha256").update(
      JSON.stringify([owner, modules.map(({ path, source, loaded }) => [path, loaded ?? source]), Object.entries(env)]),
    );
    const folder = join(dir, "modules", hash.digest("hex").slice(0, 20));
    if (!existsSync(folder)) {
      const draft = `${folder}.draft`;
      rmSync(draft, { recursive: true, force: true });
      for (const module of modules) {
        const file = join(draft, module.path);
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(file, module.loaded ?? module.source);
      }
      mkdirSync(draft, { recursive: true });
      writeFileSync(join(draft, "package.json"), '{"type":"module"}');
      renameSync(draft, folder);
    }
    return new ModuleFolder(realpathSync(folder));
  }

  /** @throws {HttpError} 400 naming the module and why it cannot be loaded */
  async import(path: string, env: Env): Promise<ModuleExports> {
    const call: ImportCall = {
      kind: "import",
      functionPath: path,
      lines: new LogLines(),
      env,
      syscalls: NO_SYSCALLS,
      assignedGlobals: null,
    };
    try {
      return await importInCall(call, () => import(join(this.path, path)));
    } catch (error) {
      throw badRequest(`Could not load ${path}: ${failureOf(error, this.path).description}`);
    }
  }
}

/** Removes the folders of versions that are not served any more; called at start. */
export function removeOldModules(dir: string): void {
  rmSync(join(dir, "modules"), { recursive: true, force: true });
}
