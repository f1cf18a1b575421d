// One pushed version, loaded: the app and every component it mounts, each with its own modules and environment.
import type { CodeVersion } from "../runner/functions.ts";
import { type Bundle, type ComponentBundle, EMPTY_BUNDLE } from "./bundle.ts";
import { type Definition, evaluateDefinitions, type Placement, placeComponents, withDescendants } from "./definitions.ts";
import { type LoadedMount, loadMount, type SystemFunctions } from "./load-mount.ts";

export interface LoadedCode extends CodeVersion {
  readonly bundle: Bundle;
  /** By definition path, the app's under "". */
  readonly definitions: ReadonlyMap<string, Definition>;
  /** The tree of what is mounted, the app at its root. */
  readonly tree: Placement;
  readonly mounts: ReadonlyMap<string, LoadedMount>;
  /** One loaded example of each definition, mounted or not, by definition path: what the CLI generates code from. */
  readonly examples: ReadonlyMap<string, LoadedMount>;
}

interface Surroundings {
  /** The deployment's data folder. */
  readonly dir: string;
  /** The app's `process.env`. */
  readonly env: Readonly<Record<string, string>>;
  /** What every component sees beside the variables bound to it. */
  readonly platformEnv: Readonly<Record<string, string>>;
  readonly systemFunctions: SystemFunctions;
}

/**
 * @param checksEnv are declared variables required to have values? Default true.
 * @throws {HttpError} 400 naming the module or component that cannot be loaded and why
 */
export async function loadCode(
  bundle: Bundle,
  { dir, env, platformEnv, systemFunctions }: Surroundings,
  checksEnv = true,
): Promise<LoadedCode> {
  const definitions = await evaluateDefinitions(bundle, dir, env, platformEnv);
  const tree = placeComponents(definitions, env, platformEnv, checksEnv);
  const sources = new Map<string, Bundle | ComponentBundle>([["", bundle]]);
  for (const component of bundle.components ?? []) sources.set(component.definitionPath, component);
  const load = (placement: Placement): Promise<LoadedMount> =>
    loadMount(placement, sources.get(placement.definitionPath) ?? EMPTY_BUNDLE, dir, systemFunctions);

  const app = await load(tree);
  const mounts = new Map<string, LoadedMount>([["", app]]);
  const examples = new Map<string, LoadedMount>([["", app]]);
  for (const placement of withDescendants(tree)) {
    if (placement === tree) continue;
    const mount = await load(placement);
    mounts.set(mount.path, mount);
    if (!examples.has(mount.definitionPath)) examples.set(mount.definitionPath, mount);
  }
  for (const definitionPath of definitions.keys()) {
    if (examples.has(definitionPath)) continue;
    const path = `(unmounted) ${definitionPath}`;
    examples.set(definitionPath, await load({ path, definitionPath, env: platformEnv, httpMounts: [], children: new Map() }));
  }
  const crons = [...mounts.values()].flatMap((mount) => mount.crons);
  return { ...app, crons, bundle, definitions, tree, mounts, examples };
}
