// The deploy endpoints of the official CLI: start_push loads and analyses, wait_for_schema checks documents, finish_push serves.
// A started push lives in memory: a restart in between makes the CLI start again.
import { randomUUID } from "node:crypto";
import { providerToJson } from "../auth/providers.ts";
import {
  isObject,
  type JsonObject,
  type JsonValue,
  type SchemaDiff,
  SchemaRefused,
  SchemaViolation,
  type Store,
} from "../engine/index.ts";
import { readObject, readPushObject } from "../http/body.ts";
import { badRequest, json } from "../http/replies.ts";
import type { LiveQueries } from "../loop/live-queries.ts";
import type { Loop } from "../loop/loop.ts";
import type { Log } from "../ops/log.ts";
import type { Crons } from "../scheduler/crons.ts";
import type { Jobs } from "../scheduler/jobs.ts";
import { parsePush } from "./bundle.ts";
import type { CodeStore } from "./code-store.ts";
import { changedVariables, type Variables } from "./environment.ts";
import type { LoadedCode } from "./load-code.ts";
import { analysisJson, authDiff, componentJson, evaluationJson, indexDiffJson, moduleDiff } from "./push-answers.ts";

interface PushApiDeps {
  readonly store: Store;
  readonly loop: Loop;
  readonly live: LiveQueries;
  readonly crons: Crons;
  readonly jobs: Jobs;
  readonly codeStore: CodeStore;
  readonly urls: { readonly cloud: string; readonly site: string };
  readonly log: Log;
}

interface StartedPush {
  readonly code: LoadedCode;
  readonly variables: Variables;
}

const MAX_STARTED = 8;

export class PushApi {
  readonly #started = new Map<string, StartedPush>();

  constructor(private readonly deps: PushApiDeps) {}

  /** @param route the part after `/api/`; the caller has checked the admin key. Null when it is none of ours. @throws {HttpError} */
  async handle(route: string, request: Request): Promise<Response | null> {
    switch (route) {
      case "v1/get_canonical_urls":
      case "get_canonical_urls":
        return json({ convexCloudUrl: this.deps.urls.cloud, convexSiteUrl: this.deps.urls.site });
      case "get_config_hashes":
        return json(this.#configHashes());
      case "deploy2/evaluate_schema":
        return json(await this.#evaluateSchema(await readPushObject(request)));
      case "deploy2/evaluate_push":
        return json(await this.#evaluatePush(await readPushObject(request)));
      case "deploy2/start_push":
        return json(await this.#start(await readPushObject(request)));
      case "deploy2/wait_for_schema":
        return json(await this.#waitForSchema(await readObject(request)));
      case "deploy2/finish_push":
        return json(await this.#finish(await readPushObject(request)));
      case "deploy2/report_push_completed":
        return json(null);
      case "update_environment_variables":
        await this.#updateVariables(await readObject(request));
        return json(null);
      default:
        return null;
    }
  }

  #configHashes(): JsonObject {
    const { bundle } = this.deps.codeStore.code;
    return {
      config: { functions: "convex/", authInfo: [] },
      moduleHashes: bundle.modules.map(({ path, environment, sha256 }) => ({ path, environment, hash: sha256 })),
      nodeDependencies: [],
      udfServerVersion: bundle.udfServerVersion,
    };
  }

  async #evaluateSchema(request: JsonObject): Promise<JsonObject> {
    const code = await this.#load(request);
    const diffs = await this.#diffs(code);
    const { store, loop, codeStore } = this.deps;
    const evaluations = await loop.read(async () =>
      [...code.mounts.values()].map(({ path, definitionPath, schema }): [string, JsonObject] => [
        path,
        evaluationJson(definitionPath, schema, diffs.get(path) ?? NO_DIFF, store.listTables(path)),
      ]),
    );
    return {
      componentSchemaEvaluations: Object.fromEntries(evaluations),
      newComponentDefinitions: [...code.definitions.keys()].filter((path) => !codeStore.code.definitions.has(path)),
    };
  }

  async #evaluatePush(request: JsonObject): Promise<JsonObject> {
    const code = await this.#load(request);
    return { schemaChange: schemaChange("", await this.#diffs(code)) };
  }

  async #start(request: JsonObject): Promise<JsonObject> {
    const code = await this.#load(request);
    const pushId = randomUUID();
    this.#started.set(pushId, { code, variables: this.deps.codeStore.variables });
    for (const [oldest] of this.#started) {
      if (this.#started.size <= MAX_STARTED) break;
      this.#started.delete(oldest);
    }
    return {
      environmentVariables: { ...this.deps.codeStore.variables },
      externalDepsId: null,
      componentDefinitionPackages: {},
      appAuth: code.authProviders.map(providerToJson),
      analysis: analysisJson(code),
      app: componentJson(code),
      schemaChange: schemaChange(pushId, await this.#diffs(code)),
    };
  }

  async #waitForSchema(request: JsonObject): Promise<JsonObject> {
    const { code } = this.#find(request.schemaChange);
    for (const { path, schema } of code.mounts.values()) {
      try {
        await this.deps.loop.read(async () => this.deps.store.checkSchema(schema, path));
      } catch (error) {
        if (!(error instanceof SchemaViolation || error instanceof SchemaRefused)) throw error;
        const tableName = error instanceof SchemaViolation ? error.table : null;
        return { type: "failed", error: error.message, componentPath: path, tableName };
      }
    }
    return { type: "complete" };
  }

  async #finish(request: JsonObject): Promise<JsonObject> {
    const { codeStore, crons, log } = this.deps;
    const startPush = isObject(request.startPush) ? request.startPush : {};
    const { code, variables } = this.#find(startPush.schemaChange);
    if (variables !== codeStore.variables)
      throw badRequest("Environment variables changed while this push was under way. Push again.");
    const old = codeStore.code;
    const diffs = await this.#diffs(code);
    const known = new Set(this.deps.store.components());
    const paths = new Set([...code.mounts.keys(), ...old.mounts.keys()]);
    const componentDiffs = [...paths].sort().map((path): [string, JsonObject] => [
      path,
      {
        diffType: { type: diffType(path, old, code, known) },
        moduleDiff: moduleDiff(old, code, path),
        udfConfigDiff: null,
        cronDiff: { ...crons.diff(code.crons, path) },
        indexDiff: indexDiffJson(diffs.get(path) ?? NO_DIFF),
        schemaDiff: null,
      },
    ]);
    if (request.dryRun !== true) {
      try {
        await codeStore.serve(code, this.deps);
      } catch (error) {
        if (error instanceof SchemaViolation || error instanceof SchemaRefused) throw badRequest(error.message);
        throw error;
      }
      log.info("push.served", {
        modules: code.bundle.modules.length,
        functions: code.functions.size,
        components: code.mounts.size - 1,
        crons: code.crons.length,
      });
    }
    return {
      authDiff: authDiff(old, code),
      definitionDiffs: {},
      componentDiffs: Object.fromEntries(componentDiffs),
    };
  }

  async #updateVariables(request: JsonObject): Promise<void> {
    const { codeStore, log } = this.deps;
    await codeStore.setVariables(changedVariables(codeStore.variables, request), this.deps);
    log.info("variables.changed", { count: Object.keys(codeStore.variables).length });
  }

  #load(request: JsonObject): Promise<LoadedCode> {
    const { codeStore } = this.deps;
    const isForCodegenOnly = request.forCodegen === true;
    return codeStore.load(parsePush(request, codeStore.code.bundle), codeStore.variables, !isForCodegenOnly);
  }

  // By component. Documents that break the new schema are reported by wait_for_schema, not here.
  async #diffs(code: LoadedCode): Promise<ReadonlyMap<string, SchemaDiff>> {
    const diffs = new Map<string, SchemaDiff>();
    for (const { path, schema } of code.mounts.values()) {
      try {
        diffs.set(path, await this.deps.loop.read(async () => this.deps.store.checkSchema(schema, path)));
      } catch (error) {
        if (error instanceof SchemaRefused)
          throw badRequest(path === "" ? error.message : `Component "${path}": ${error.message}`);
        if (!(error instanceof SchemaViolation)) throw error;
      }
    }
    return diffs;
  }

  #find(change: JsonValue | undefined): StartedPush {
    const ids = isObject(change) ? change.schemaIds : undefined;
    const pushId = isObject(ids) ? ids[""] : undefined;
    const started = typeof pushId === "string" ? this.#started.get(pushId) : undefined;
    if (started === undefined)
      throw badRequest("This push is not known any more (the deployment restarted, or newer pushes came in). Push again.");
    return started;
  }
}

const NO_DIFF: SchemaDiff = { tablesAdded: [], indexesAdded: [], indexesRemoved: [] };

const schemaChange = (pushId: string, diffs: ReadonlyMap<string, SchemaDiff>): JsonObject => ({
  allocatedComponentIds: {},
  schemaIds: { "": pushId },
  indexDiffs: Object.fromEntries([...diffs].map(([path, diff]) => [path, indexDiffJson(diff)])),
});

/** @param known components that have stored something before */
function diffType(path: string, old: LoadedCode, next: LoadedCode, known: ReadonlySet<string>): string {
  if (!next.mounts.has(path)) return "unmount";
  if (old.mounts.has(path)) return "modify";
  return known.has(path) ? "remount" : "create";
}
