// Component definitions: every `convex.config.ts` of a push evaluated, and the tree of components they mount.
//   N1. A definition is evaluated after those it uses, and sees of them a path and a default name, nothing else.
//   N2. A mounted component's environment is what its parent bound to the variables it declares, and the two addresses of the
//       deployment. Nothing is inherited.
import { isObject, type JsonObject, type JsonValue, Validator } from "../engine/index.ts";
import { badRequest } from "../http/replies.ts";
import type { HttpMount } from "../runner/functions.ts";
import { childPath } from "../runner/syscall-args.ts";
import type { Bundle, BundledModule } from "./bundle.ts";
import { ModuleFolder } from "./module-files.ts";

type Env = Readonly<Record<string, string>>;

export interface Definition {
  /** "" is the app's own. */
  readonly definitionPath: string;
  /** What `export()` of the definition gave: the CLI generates code from it. */
  readonly json: JsonObject;
  readonly children: readonly Child[];
  readonly variables: readonly DeclaredVariable[];
}

interface Child {
  readonly name: string;
  readonly definitionPath: string;
  readonly bindings: readonly Binding[];
  /** Begins and ends with a slash; null when it serves no HTTP. */
  readonly httpPrefix: string | null;
}

type Binding =
  | { readonly variable: string; readonly type: "value"; readonly value: string }
  | { readonly variable: string; readonly type: "envVar"; readonly name: string };

interface DeclaredVariable {
  readonly name: string;
  readonly validator: Validator;
  readonly isOptional: boolean;
}

/** A definition at its place in the tree. */
export interface Placement {
  /** Names from the app down; "" is the app itself. */
  readonly path: string;
  readonly definitionPath: string;
  readonly env: Env;
  readonly httpMounts: readonly HttpMount[];
  /** Its own children, by name. */
  readonly children: ReadonlyMap<string, Placement>;
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;
const MAX_PLACEMENTS = 1000;
const DEPENDENCY = /_componentDeps\/([A-Za-z0-9_-]+)/g;
const NO_DEFINITION: JsonObject = { definitionType: { type: "app" }, childComponents: [], httpMounts: {}, exports: {} };

/**
 * Evaluates the app's definition and every component's. By definition path, the app's under "".
 * @param env what the app's own definition sees as `process.env`; components' definitions see `platformEnv`
 * @throws {HttpError} 400 naming the definition and what is wrong with it
 */
export async function evaluateDefinitions(
  bundle: Bundle,
  dir: string,
  env: Env,
  platformEnv: Env,
): Promise<Map<string, Definition>> {
  const modules = new Map((bundle.components ?? []).map(({ definitionPath, definition }) => [definitionPath, definition]));
  const done = new Map<string, Definition>();
  const open = new Set<string>();
  const evaluate = async (definitionPath: string, module: BundledModule): Promise<Definition> => {
    const known = done.get(definitionPath);
    if (known !== undefined) return known;
    if (open.has(definitionPath)) throw badRequest(`The component ${definitionPath} uses itself.`);
    open.add(definitionPath);
    const stubs = new Map<string, string>();
    for (const [, encoded = ""] of module.source.matchAll(DEPENDENCY)) {
      const path = Buffer.from(encoded, "base64url").toString();
      const used = modules.get(path);
      if (used === undefined)
        throw badRequest(`${nameOf(definitionPath)} uses the component ${path}, which is not part of the push.`);
      const { json } = await evaluate(path, used); // N1
      stubs.set(
        encoded,
        `export default ${JSON.stringify({ componentDefinitionPath: path, defaultName: json.name ?? null })};\n`,
      );
    }
    const files = [...stubs].map(([encoded, source]) => ({ path: `_componentDeps/${encoded}.js`, source }));
    const own = definitionPath === "" ? env : platformEnv;
    const folder = ModuleFolder.write(dir, `definition ${definitionPath}`, [module, ...files], own);
    const definition = parseDefinition(definitionPath, (await folder.import(module.path, own)).default);
    done.set(definitionPath, definition);
    return definition;
  };
  const app = bundle.definition ?? null;
  if (app === null) done.set("", { definitionPath: "", json: NO_DEFINITION, children: [], variables: [] });
  else await evaluate("", app);
  for (const [definitionPath, module] of modules) await evaluate(definitionPath, module);
  return done;
}

/**
 * Every component the app mounts, at its place, with its environment; the app itself is the root.
 * @param checksEnv false only to generate code for a component by itself, where nobody binds its variables
 * @throws {HttpError} 400 naming the component whose name or environment is wrong
 */
export function placeComponents(
  definitions: ReadonlyMap<string, Definition>,
  env: Env,
  platformEnv: Env,
  checksEnv: boolean,
): Placement {
  let count = 0;
  const place = (definitionPath: string, path: string, ownEnv: Env): Placement => {
    count += 1;
    if (count > MAX_PLACEMENTS) throw badRequest(`An app may mount at most ${MAX_PLACEMENTS} components, nested ones included.`);
    const definition = definitions.get(definitionPath);
    if (definition === undefined) throw badRequest(`The component ${definitionPath} is not part of the push.`);
    if (checksEnv) checkVariables(definition, path, ownEnv);
    const children = new Map<string, Placement>();
    const httpMounts: HttpMount[] = [];
    for (const child of definition.children) {
      if (children.has(child.name)) {
        throw badRequest(
          `${nameOf(definitionPath)} uses two components under the name "${child.name}": give one of them another, app.use(component, { name: "..." }).`,
        );
      }
      const at = childPath(path, child.name);
      const declared = definitions.get(child.definitionPath)?.variables ?? [];
      const childEnv = { ...bound(child, at, declared, ownEnv), ...platformEnv }; // N2
      children.set(child.name, place(child.definitionPath, at, childEnv));
      if (child.httpPrefix !== null) httpMounts.push({ prefix: child.httpPrefix, component: at });
    }
    return { path, definitionPath, env: Object.freeze(ownEnv), httpMounts, children };
  };
  return place("", "", env);
}

/** A placement and everything below it, parents first. */
export function* withDescendants(placement: Placement): Generator<Placement> {
  yield placement;
  for (const child of placement.children.values()) yield* withDescendants(child);
}

function bound(child: Child, path: string, declared: readonly DeclaredVariable[], parentEnv: Env): Record<string, string> {
  const env: Record<string, string> = {};
  for (const binding of child.bindings) {
    if (!declared.some(({ name }) => name === binding.variable))
      throw badRequest(
        `The component "${path}" is given the environment variable ${binding.variable}, which it does not declare.`,
      );
    const value = binding.type === "value" ? binding.value : parentEnv[binding.name];
    if (value !== undefined) env[binding.variable] = value;
  }
  return env;
}

function checkVariables({ variables }: Definition, path: string, env: Env): void {
  const place = path === "" ? "convex/convex.config.ts" : `the component "${path}"`;
  for (const { name, validator, isOptional } of variables) {
    const value = env[name];
    if (value === undefined) {
      if (isOptional) continue;
      const remedy = path === "" ? `Set it: npx convex env set ${name} <value>` : "Bind it where the component is used, in `env`";
      throw badRequest(`Environment variable ${name} is declared by ${place} but has no value. ${remedy}.`);
    }
    const problem = validator.check(value, () => null);
    if (problem !== null) throw badRequest(`Environment variable ${name} does not fit what ${place} declares: ${problem}`);
  }
}

function parseDefinition(definitionPath: string, value: unknown): Definition {
  const who = nameOf(definitionPath);
  if (typeof value !== "object" || value === null || !("export" in value) || typeof value.export !== "function") {
    throw badRequest(`${who} must have a default export made by ${definitionPath === "" ? "defineApp" : "defineComponent"}().`);
  }
  const json = exported(value.export.bind(value), who);
  const isApp = isObject(json.definitionType) && json.definitionType.type === "app";
  if (isApp !== (definitionPath === ""))
    throw badRequest(`${who} must be made by ${definitionPath === "" ? "defineApp" : "defineComponent"}().`);
  if (json.httpPrefix !== undefined)
    throw badRequest(
      "defineApp({ httpPrefix }) is not supported by this deployment yet. Put the prefix into the routes of convex/http.ts.",
    );
  const mounts = new Map<string, string>();
  for (const [prefix, reference] of Object.entries(isObject(json.httpMounts) ? json.httpMounts : {})) {
    mounts.set(String(reference).replace("_reference/childComponent/", ""), prefix);
  }
  return {
    definitionPath,
    json,
    children: entries(json.childComponents).map((child) => parseChild(child, mounts, who)),
    variables: entries(json.envVars).map(parseVariable),
  };
}

function exported(run: () => unknown, who: string): JsonObject {
  let json: JsonValue;
  try {
    json = JSON.parse(JSON.stringify(run()));
  } catch (error) {
    throw badRequest(`${who} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!isObject(json)) throw badRequest(`${who} has no definition.`);
  return json;
}

function parseChild(child: JsonValue, mounts: ReadonlyMap<string, string>, who: string): Child {
  const { name, path, args, env } = isObject(child) ? child : {};
  if (typeof name !== "string" || !NAME.test(name)) {
    throw badRequest(
      `${who} uses a component under the name ${JSON.stringify(name ?? null)}: use up to 64 letters, digits and underscores, not starting with a digit.`,
    );
  }
  if (entries(args).length > 0)
    throw badRequest(`${who} passes arguments to "${name}", which the convex package no longer knows: use \`env\`.`);
  const bindings = entries(env).map((entry): Binding => {
    const [variable, binding] = Array.isArray(entry) ? entry : [];
    if (typeof variable === "string" && isObject(binding)) {
      if (binding.type === "value" && typeof binding.value === "string") return { variable, type: "value", value: binding.value };
      if (binding.type === "envVar" && typeof binding.name === "string") return { variable, type: "envVar", name: binding.name };
    }
    throw badRequest(`${who} binds a variable of "${name}" in a way this deployment does not know.`);
  });
  return { name, definitionPath: String(path), bindings, httpPrefix: mounts.get(name) ?? null };
}

function parseVariable(entry: JsonValue): DeclaredVariable {
  const [name, declared] = Array.isArray(entry) ? entry : [];
  const text = isObject(declared) && typeof declared.value === "string" ? declared.value : '{"type":"string"}';
  return {
    name: String(name),
    validator: Validator.parse(JSON.parse(text) as JsonValue),
    isOptional: isObject(declared) && declared.optional === true,
  };
}

const entries = (value: JsonValue | undefined): readonly JsonValue[] => (Array.isArray(value) ? value : []);

const nameOf = (definitionPath: string): string =>
  definitionPath === "" ? "convex/convex.config.ts" : `The component ${definitionPath}`;
