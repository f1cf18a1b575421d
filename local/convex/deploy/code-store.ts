// The code a deployment serves: loaded from the database at start, replaced by a push or a change of variables.
//   D1. Schema, modules, crons and variables change in one commit, or nothing changes and the old version keeps serving.
//   D2. Memory follows the commit before anybody hears of it: no call ever runs old code on a new schema.

import type { Store } from "../engine/index.ts";
import type { LiveQueries } from "../loop/live-queries.ts";
import type { Loop } from "../loop/loop.ts";
import type { RegisteredFunction } from "../runner/functions.ts";
import type { Crons } from "../scheduler/crons.ts";
import { type Bundle, EMPTY_BUNDLE } from "./bundle.ts";
import { functionEnv, type Variables } from "./environment.ts";
import { type LoadedCode, loadCode, removeOldModules } from "./load-code.ts";

const BUNDLE_META = "bundle";
const VARIABLES_META = "variables";
const MAX_LOADED = 4;

interface CodeStoreDeps {
  readonly store: Store;
  /** Data folder. */
  readonly dir: string;
  readonly urls: { readonly cloud: string; readonly site: string };
  readonly systemFunctions: readonly RegisteredFunction[];
}

interface Followers {
  readonly loop: Loop;
  readonly live: LiveQueries;
  readonly crons: Crons;
}

export class CodeStore {
  readonly #loaded = new Map<string, Promise<LoadedCode>>();
  #variables: Variables;
  #code: LoadedCode;

  private constructor(
    private readonly deps: CodeStoreDeps,
    variables: Variables,
    code: LoadedCode,
  ) {
    this.#variables = variables;
    this.#code = code;
  }

  /** Loads what the database holds. @throws {HttpError} when the stored modules cannot be loaded any more */
  static async open(deps: CodeStoreDeps): Promise<CodeStore> {
    removeOldModules(deps.dir);
    const bundle: Bundle = JSON.parse(deps.store.getMeta(BUNDLE_META) ?? "null") ?? EMPTY_BUNDLE;
    const variables: Variables = JSON.parse(deps.store.getMeta(VARIABLES_META) ?? "{}");
    const env = functionEnv(variables, deps.urls.cloud, deps.urls.site);
    return new CodeStore(deps, variables, await loadCode(bundle, env, deps.dir, deps.systemFunctions));
  }

  get code(): LoadedCode {
    return this.#code;
  }

  get variables(): Variables {
    return this.#variables;
  }

  /**
   * Loads a bundle without serving it, to be checked and then {@link serve}d. One push asks several times; modules can be
   * evaluated only once, so what came of it (a refusal too) is kept for a while.
   * @throws {HttpError}
   */
  load(bundle: Bundle, variables = this.#variables): Promise<LoadedCode> {
    const { urls, dir, systemFunctions } = this.deps;
    const key = JSON.stringify([bundle.modules.map(({ path, sha256 }) => [path, sha256]), bundle.schema?.sha256, variables]);
    let code = this.#loaded.get(key);
    if (code === undefined) {
      code = loadCode(bundle, functionEnv(variables, urls.cloud, urls.site), dir, systemFunctions);
      this.#loaded.set(key, code);
      for (const [oldest] of this.#loaded) {
        if (this.#loaded.size <= MAX_LOADED) break;
        this.#loaded.delete(oldest);
      }
    }
    return code;
  }

  /** D1, D2. @throws {SchemaViolation} when existing documents break the new schema */
  serve(code: LoadedCode, { loop, live, crons }: Followers): Promise<void> {
    return loop.alone(async ({ group, afterCommit }) => {
      group.applySchema(code.schema);
      group.putMeta(BUNDLE_META, JSON.stringify(code.bundle));
      crons.replace(group, code.crons);
      afterCommit(() => {
        this.#code = code;
        live.invalidateAll();
        crons.arm();
      });
    });
  }

  /** D1, D2. Code is loaded anew with the new variables. @throws {HttpError} when it cannot be (a variable of auth.config was removed) */
  async setVariables(variables: Variables, { loop, live }: Pick<Followers, "loop" | "live">): Promise<void> {
    const code = await this.load(this.#code.bundle, variables);
    await loop.alone(async ({ group, afterCommit }) => {
      group.putMeta(VARIABLES_META, JSON.stringify(variables));
      afterCommit(() => {
        this.#variables = variables;
        this.#code = code;
        live.invalidateAll();
      });
    });
  }
}
