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
import { parsePush } from "./bundle.ts";
import type { CodeStore } from "./code-store.ts";
import { changedVariables, type Variables } from "./environment.ts";
import type { LoadedCode } from "./load-code.ts";
import { analysisJson, appJson, authDiff, evaluationJson, indexDiffJson, moduleDiff } from "./push-answers.ts";

interface PushApiDeps {
  readonly store: Store;
  readonly loop: Loop;
  readonly live: LiveQueries;
  readonly crons: Crons;
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
    const counts = await this.deps.loop.read(async () => this.deps.store.listTables());
    return {
      componentSchemaEvaluations: { "": evaluationJson(code.schema, await this.#diff(code), counts) },
      newComponentDefinitions: [],
    };
  }

  async #evaluatePush(request: JsonObject): Promise<JsonObject> {
    const code = await this.#load(request);
    return { schemaChange: schemaChange("", await this.#diff(code)) };
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
      analysis: { "": analysisJson(code) },
      app: appJson(code),
      schemaChange: schemaChange(pushId, await this.#diff(code)),
    };
  }

  async #waitForSchema(request: JsonObject): Promise<JsonObject> {
    const { code } = this.#find(request.schemaChange);
    try {
      await this.deps.loop.read(async () => this.deps.store.checkSchema(code.schema));
      return { type: "complete" };
    } catch (error) {
      if (error instanceof SchemaViolation)
        return { type: "failed", error: error.message, componentPath: "", tableName: error.table };
      if (error instanceof SchemaRefused) return { type: "failed", error: error.message, componentPath: "", tableName: null };
      throw error;
    }
  }

  async #finish(request: JsonObject): Promise<JsonObject> {
    const { codeStore, crons, log } = this.deps;
    const startPush = isObject(request.startPush) ? request.startPush : {};
    const { code, variables } = this.#find(startPush.schemaChange);
    if (variables !== codeStore.variables)
      throw badRequest("Environment variables changed while this push was under way. Push again.");
    const old = codeStore.code;
    const cronDiff = crons.diff(code.crons);
    const indexes = await this.#diff(code);
    if (request.dryRun !== true) {
      try {
        await codeStore.serve(code, this.deps);
      } catch (error) {
        if (error instanceof SchemaViolation || error instanceof SchemaRefused) throw badRequest(error.message);
        throw error;
      }
      log.info("push.served", { modules: code.bundle.modules.length, functions: code.functions.size, crons: code.crons.length });
    }
    return {
      authDiff: authDiff(old, code),
      definitionDiffs: {},
      componentDiffs: {
        "": {
          diffType: { type: "modify" },
          moduleDiff: moduleDiff(old, code),
          udfConfigDiff: null,
          cronDiff: { ...cronDiff },
          indexDiff: indexDiffJson(indexes),
          schemaDiff: null,
        },
      },
    };
  }

  async #updateVariables(request: JsonObject): Promise<void> {
    const { codeStore, log } = this.deps;
    await codeStore.setVariables(changedVariables(codeStore.variables, request), this.deps);
    log.info("variables.changed", { count: Object.keys(codeStore.variables).length });
  }

  #load(request: JsonObject): Promise<LoadedCode> {
    const { codeStore } = this.deps;
    return codeStore.load(parsePush(request, codeStore.code.bundle));
  }

  // Documents that break the new schema are reported by wait_for_schema, not here.
  async #diff(code: LoadedCode): Promise<SchemaDiff> {
    try {
      return await this.deps.loop.read(async () => this.deps.store.checkSchema(code.schema));
    } catch (error) {
      if (error instanceof SchemaViolation) return { tablesAdded: [], indexesAdded: [], indexesRemoved: [] };
      if (error instanceof SchemaRefused) throw badRequest(error.message);
      throw error;
    }
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

const schemaChange = (pushId: string, diff: SchemaDiff): JsonObject => ({
  allocatedComponentIds: {},
  schemaIds: { "": pushId },
  indexDiffs: { "": indexDiffJson(diff) },
});
