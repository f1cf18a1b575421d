// The code a deployment serves: loaded from the database at start, replaced by a push or a change of variables.
//   D1. Schemas, modules, crons and variables, of the app and of every component, change in one commit, or nothing changes and
//       the old version keeps serving.
//   D2. Memory follows the commit before anybody hears of it: no call ever runs old code on a new schema.

import type { Store } from "../engine/index.ts";
import type { LiveQueries } from "../loop/live-queries.ts";
import type { Loop } from "../loop/loop.ts";
import type { Crons } from "../scheduler/crons.ts";
import type { Jobs } from "../scheduler/jobs.ts";
import { type Bundle, type BundledModule, EMPTY_BUNDLE } from "./bundle.ts";
import { functionEnv, type Variables } from "./environment.ts";
import { withFreshModules } from "./fresh-modules.ts";
import { type LoadedCode, loadCode } from "./load-code.ts";
import type { SystemFunctions } from "./load-mount.ts";
import { removeOldModules } from "./module-files.ts";

const BUNDLE_META = "bundle";
const VARIABLES_META = "variables";
const MAX_LOADED = 4;

interface CodeStoreDeps {
  readonly store: Store;
  /** Data folder. */
  readonly dir: string;
  readonly urls: { readonly cloud: string; readonly site: string };
  readonly systemFunctions: SystemFunctions;
  /** Evaluate modules anew for every call (fresh-modules.ts). */
  readonly freshModules: boolean;
}

interface Followers {
  readonly loop: Loop;
  readonly live: LiveQueries;
  readonly crons: Crons;
  readonly jobs: Jobs;
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
    const code = await loadCode(bundle, surroundings(deps, variables));
    return new CodeStore(deps, variables, deps.freshModules ? withFreshModules(code) : code);
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
   * @param checksEnv are declared variables required to have values?
   * @throws {HttpError}
   */
  load(bundle: Bundle, variables = this.#variables, checksEnv = true): Promise<LoadedCode> {
    const key = JSON.stringify([fingerprint(bundle), variables, checksEnv]);
    let code = this.#loaded.get(key);
    if (code === undefined) {
      code = loadCode(bundle, surroundings(this.deps, variables), checksEnv);
      if (this.deps.freshModules) code = code.then(withFreshModules);
      this.#loaded.set(key, code);
      for (const [oldest] of this.#loaded) {
        if (this.#loaded.size <= MAX_LOADED) break;
        this.#loaded.delete(oldest);
      }
    }
    return code;
  }

  /** D1, D2. @throws {SchemaViolation} when existing documents break the new schema */
  serve(code: LoadedCode, { loop, live, crons, jobs }: Followers): Promise<void> {
    return loop.alone(async ({ group, afterCommit }) => {
      // What is not mounted any more keeps its schema and its documents, for when it is mounted again.
      group.applySchemas([...code.mounts.values()].map(({ path, schema }) => [path, schema] as const));
      group.putMeta(BUNDLE_META, JSON.stringify(code.bundle));
      crons.replace(group, code.crons);
      afterCommit(() => {
        this.#code = code;
        live.invalidateAll();
        crons.arm();
        jobs.look(); // those of a component that is mounted again
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

const surroundings = ({ dir, urls, systemFunctions }: CodeStoreDeps, variables: Variables) => ({
  dir,
  env: functionEnv(variables, urls.cloud, urls.site),
  platformEnv: functionEnv({}, urls.cloud, urls.site),
  systemFunctions,
});

function fingerprint({ modules, schema, definition, components = [] }: Bundle): unknown {
  const of = (all: readonly (BundledModule | null | undefined)[]) => all.map((module) => [module?.path, module?.sha256]);
  return [
    of([...modules, schema, definition]),
    components.map((component) => [component.definitionPath, of([...component.modules, component.schema, component.definition])]),
  ];
}
