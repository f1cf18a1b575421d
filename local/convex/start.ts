// Puts a deployment together and serves it. Everything it needs comes in as options; only `main.ts` reads the environment.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readOrMakeAdminKey } from "./auth/admin-key.ts";
import { KeySets } from "./auth/key-sets.ts";
import { SigningKeys } from "./auth/signing-keys.ts";
import { TokenVerifier } from "./auth/verifier.ts";
import { FunctionCalls } from "./calls.ts";
import { CodeStore } from "./deploy/code-store.ts";
import { PushApi } from "./deploy/push-api.ts";
import { systemFunctions } from "./deploy/system-functions.ts";
import { Store } from "./engine/index.ts";
import { FunctionApi } from "./http/function-api.ts";
import { HttpActions } from "./http/http-actions.ts";
import { reservePort, serveApi, serveSite } from "./http/servers.ts";
import { StorageApi } from "./http/storage-api.ts";
import { LiveQueries } from "./loop/live-queries.ts";
import { Loop } from "./loop/loop.ts";
import { AdminApi } from "./ops/admin-api.ts";
import { ADDRESS_FILE } from "./ops/commands.ts";
import { deploymentSamples } from "./ops/deployment-samples.ts";
import { FunctionObserver } from "./ops/function-observer.ts";
import { errorText, Log, type LogSink } from "./ops/log.ts";
import { startStallGuard, takeStallReport } from "./ops/stall-guard.ts";
import { WriteHealth } from "./ops/write-health.ts";
import { installGlobals } from "./runner/install-globals.ts";
import { nowMs, realSetTimeout } from "./runner/real-globals.ts";
import { runningFunctions } from "./runner/running-functions.ts";
import { TransactionRunner } from "./runner/transaction-runner.ts";
import { Watchdog } from "./runner/watchdog.ts";
import { Crons } from "./scheduler/crons.ts";
import { Jobs } from "./scheduler/jobs.ts";
import { Retention } from "./scheduler/retention.ts";
import { BlobFolder } from "./storage/blob-folder.ts";
import { FileStorage } from "./storage/file-storage.ts";
import { SyncSessions } from "./sync/sessions.ts";
import { SYSTEM_TABLES } from "./system-tables.ts";

export interface ConvexOptions {
  /** Folder of the deployment: `convex.sqlite`, `admin.key`, and a cache of its modules. Made if missing. */
  readonly dir: string;
  /** Port of the API and of sync. 0 picks a free one. */
  readonly port: number;
  /** Port of HTTP actions. Default: `port + 1`, or a free one when `port` is 0. */
  readonly sitePort?: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** FULL (default) survives power loss, NORMAL only the death of the process. */
  readonly synchronous?: "FULL" | "NORMAL";
  /** Default: read from `<dir>/admin.key`, made on first start. */
  readonly adminKey?: string;
  /** Addresses clients reach the deployment by, when they differ from host and port. */
  readonly publicUrl?: string;
  readonly publicSiteUrl?: string;
  /** Where log lines go. Default stderr. */
  readonly log?: LogSink;
  /** Waiting time a query or mutation may spend, ms. Default 1000. */
  readonly functionLimitMs?: number;
  /** For tests: evaluate modules anew for every call, so that what they keep between calls shows. Default false. */
  readonly freshModules?: boolean;
  /**
   * End the process when one function lets nothing else happen for this long, ms (ops/stall-guard.ts). Default: never, since the
   * process may be somebody else's.
   */
  readonly stallLimitMs?: number;
  /** Largest file, bytes. Default 1 GiB. */
  readonly maxFileBytes?: number;
  /** How long a sync connection may be silent before the client hears a ping, ms. Default 15,000. */
  readonly pingAfterMs?: number;
  /** How often ended jobs and old answers are looked for, ms. Default 60,000. */
  readonly retentionEveryMs?: number;
  /** How soon an unknown token key may cause another fetch of the issuer's keys, ms. Default 10,000. */
  readonly keyCooldownMs?: number;
}

export interface RunningConvex {
  readonly url: string;
  readonly siteUrl: string;
  readonly adminKey: string;
  /** Functions called without the network, by the same rules otherwise. */
  readonly calls: Pick<FunctionCalls, "query" | "mutation" | "action">;
  /** Finishes what is committed, closes every socket and the file. Safe to repeat. */
  stop(): Promise<void>;
}

/**
 * Starts a deployment in this process.
 * @throws {StoreUnusable} when the file cannot be served
 * @throws {PortInUse} when a port is taken
 */
export async function startConvex(options: ConvexOptions): Promise<RunningConvex> {
  installGlobals();
  mkdirSync(options.dir, { recursive: true, mode: 0o700 });
  const log = new Log(nowMs, options.log);
  const writeHealth = new WriteHealth(log);
  const store = Store.open(join(options.dir, "convex.sqlite"), {
    synchronous: options.synchronous ?? "FULL",
    now: nowMs,
    systemTables: SYSTEM_TABLES,
    longWork: (work) => runningFunctions.ownWork(work),
    onRowsRefused: (error, isBroughtBack) => writeHealth.rowsRefused(error, isBroughtBack),
  });
  try {
    return await serve(options, store, log, writeHealth);
  } catch (error) {
    store.close();
    throw error;
  }
}

async function serve(options: ConvexOptions, store: Store, log: Log, writeHealth: WriteHealth): Promise<RunningConvex> {
  const host = options.host ?? "127.0.0.1";
  const adminKey = options.adminKey ?? readOrMakeAdminKey(options.dir);
  // Functions see the addresses in process.env, so the ports must be known before the code is loaded.
  const port = options.port === 0 ? reservePort(host) : options.port;
  const sitePort = options.sitePort ?? (options.port === 0 ? reservePort(host) : options.port + 1);
  const shownHost = host.includes(":") ? `[${host}]` : host;
  const urls = {
    cloud: options.publicUrl ?? `http://${shownHost}:${port}`,
    site: options.publicSiteUrl ?? `http://${shownHost}:${sitePort}`,
  };
  const onBug = (error: unknown): void => log.error("server.bug", { error: errorText(error) });

  const codeStore: CodeStore = await CodeStore.open({
    store,
    dir: options.dir,
    urls,
    freshModules: options.freshModules ?? false,
    systemFunctions: systemFunctions({ store, urls, variables: () => codeStore.variables, code: () => codeStore.code }),
  });
  const code = () => codeStore.code;
  const observer = new FunctionObserver(log);
  const loop: Loop = new Loop({
    store,
    onGroupFailed: (error) => writeHealth.refused(error),
    onCommitted: (keys) => {
      writeHealth.committed();
      live.invalidate(keys);
      files.settle();
    },
    onBug,
  });
  const files: FileStorage = new FileStorage({
    store,
    loop,
    log,
    blobs: new BlobFolder(join(options.dir, "files")),
    cloudUrl: urls.cloud,
    ...(options.maxFileBytes === undefined ? {} : { maxFileBytes: options.maxFileBytes }),
  });
  const signingKeys = new SigningKeys(store, urls.cloud);
  const deploymentName = instanceName(options.dir);
  const runner = new TransactionRunner(
    new Watchdog(options.functionLimitMs),
    deploymentName,
    (id, component) => store.tableOf(id, component),
    files,
    signingKeys,
  );
  const live = new LiveQueries({
    store,
    runner,
    code,
    onRun: (fn, answer, tookMs, { origin: { requestId } }) => {
      const error = answer.ok ? null : answer.failure.description;
      observer.note({ kind: "query", component: fn.home.path, path: fn.path, tookMs, lines: answer.lines, error, requestId });
    },
  });
  const calls: FunctionCalls = new FunctionCalls({
    store,
    loop,
    files,
    live,
    runner,
    observer,
    code,
    deploymentName,
    onScheduled: () => jobs.look(),
  });
  const jobs = new Jobs({ store, loop, calls, log });
  const crons = new Crons({ store, loop, log, onScheduled: () => jobs.look() });
  const retention = new Retention({ store, loop, files, log }, options.retentionEveryMs);
  const verifier = new TokenVerifier(() => codeStore.code.authProviders, new KeySets(options.keyCooldownMs));
  const caller = { verifier, adminKey };
  const httpActions = new HttpActions({ ...caller, calls, observer, code, siteUrl: () => urls.site });
  const sessions = new SyncSessions({ store, loop, live, calls, verifier, adminKey, log }, options.pingAfterMs);

  const admin = new AdminApi({ store, loop, files, signingKeys, dir: options.dir, log });

  const api = serveApi(
    { host, port },
    {
      caller,
      sessions,
      deploymentName,
      functions: new FunctionApi({ ...caller, calls, store }),
      httpActions,
      signingKeys,
      admin,
      storage: new StorageApi({ files, log }),
      maxFileBytes: files.maxFileBytes,
      push: new PushApi({ store, loop, live, crons, jobs, codeStore, urls, log }),
      functionLog: observer.functionLog,
      metrics: () =>
        deploymentSamples({ loop, live, sessions, jobs, calls, files, writeHealth, store, retention }, observer.latency),
      onBug,
    },
  );
  let site: ReturnType<typeof serveSite>;
  try {
    site = serveSite({ host, port: sitePort }, { httpActions, onBug });
  } catch (error) {
    await api.stop(true);
    throw error;
  }

  // Clients may have seen timestamps up to the moment the last process died, or after the backup we run from was taken.
  await loop.write(async ({ group }) => {
    group.advance();
    files.prepare(group);
    await signingKeys.prepare(group, nowMs());
  });
  const stalled = takeStallReport(options.dir);
  if (stalled !== null) log.warn("server.wasStalled", { functions: stalled.functions.join(", "), jobId: stalled.jobId });
  await jobs.start(stalled?.jobId);
  crons.arm();
  retention.start();
  const swept = files.sweepAll();
  const addressFile = join(options.dir, ADDRESS_FILE);
  writeFileSync(addressFile, JSON.stringify({ url: `http://${shownHost}:${port}` }));
  log.info("server.ready", { url: urls.cloud, siteUrl: urls.site, functions: codeStore.code.functions.size });

  const endGuard = options.stallLimitMs === undefined ? () => {} : startStallGuard(options.dir, options.stallLimitMs);
  let stopping: Promise<void> | null = null;
  const stop = async (): Promise<void> => {
    endGuard();
    jobs.stop();
    crons.stop();
    retention.stop();
    await swept;
    await admin.idle();
    await loop.stop();
    sessions.closeAll();
    await Promise.all([closeServer(api), closeServer(site)]);
    store.close();
    rmSync(addressFile, { force: true });
    log.info("server.stopped");
  };
  return { url: urls.cloud, siteUrl: urls.site, adminKey, calls, stop: () => (stopping ??= stop()) };
}

const CLOSE_GRACE_MS = 500;

/** Lets answers that are being written arrive, then closes what is still open. */
async function closeServer(server: { stop(closeActiveConnections?: boolean): Promise<void> }): Promise<void> {
  const grace = new Promise<void>((resolve) => realSetTimeout(resolve, CLOSE_GRACE_MS));
  await Promise.race([server.stop(false), grace]);
  await server.stop(true);
}

/** A name for logs and `ctx.meta`, from the data folder. */
const instanceName = (dir: string): string => `local-${dir.split("/").filter(Boolean).at(-1) ?? "convex"}`;
