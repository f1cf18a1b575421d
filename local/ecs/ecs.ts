// The whole server as one value: opens the folder, takes up the tasks that are still running, listens; and stops in order.
import { realpathSync } from "node:fs";
import { taskArn } from "./domain/arn.ts";
import type { LastStatus } from "./domain/task.ts";
import { TokenBucket } from "./domain/token-bucket.ts";
import { Delivery, type EventTarget } from "./events/delivery.ts";
import { Faults } from "./faults.ts";
import { listen } from "./http/server.ts";
import { type Log, logToStderr } from "./log.ts";
import { Store } from "./store/store.ts";
import { Changes } from "./tasks/changes.ts";
import { Images } from "./tasks/images.ts";
import { chooseIsolation, type IsolationKind } from "./tasks/isolation.ts";
import { type Latency, Lifecycle } from "./tasks/lifecycle.ts";

export interface EcsOptions {
  /** Where state and the folders of running tasks lie. Made when it is not there; one server at a time. */
  readonly dir: string;
  /** @default 0: any free port */
  readonly port?: number;
  /** Image name → the command it runs. */
  readonly images: Readonly<Record<string, readonly string[]>>;
  /** Environment all images bring along. @default none */
  readonly imageEnv?: Readonly<Record<string, string>>;
  /** What tasks find programs by: the only thing they get of our surroundings. */
  readonly path: string;
  /** Where state changes are posted. @default nowhere */
  readonly events?: EventTarget;
  /** Which changes are posted, as an EventBridge rule on `detail.lastStatus` would choose. @default every one */
  readonly eventStatuses?: readonly LastStatus[];
  /** The account's quota. @default 6 vCPU, as a new account has */
  readonly vcpu?: number;
  /** Launches a second; five times as many at once. @default 20, as AWS documents (burst 100) */
  readonly runTaskPerSecond?: number;
  /** @default 5 ms provisioning, 10 ms pending, 5 ms stopping: people wait for them */
  readonly latency?: Partial<Latency>;
  /** @default auto: the strongest that works here */
  readonly isolation?: "auto" | IsolationKind;
  /** Folders hidden from tasks besides `dir`, where bubblewrap is used. */
  readonly hide?: readonly string[];
  /** Folders tasks need that lie in the user's home or in /tmp, which bubblewrap hides. What images name is exposed by itself. */
  readonly expose?: readonly string[];
  /** @default JSON lines on standard error */
  readonly log?: Log;
  /** The clock, epoch ms. @default Date.now */
  readonly now?: () => number;
}

export interface EcsServer {
  readonly url: string;
  readonly isolation: IsolationKind;
  /** The machine shuts down: every task is stopped, at most 10 s are given, none is left. Then the port and the files are closed. */
  stop(): Promise<void>;
}

const LAUNCHES_PER_SECOND = 20;
/** The bucket holds this many seconds' worth: 20 a second and a burst of 100. */
const BURST_SECONDS = 5;
const DEFAULT_VCPU = 6;
/** A token is good for 24 h, and the tasks it launched must be there as long. */
const TASKS_KEPT_MS = 25 * 3600 * 1000;
const SWEEP_MS = 10 * 60 * 1000;
/** How long stopping waits for the last events to be taken. */
const LAST_EVENTS_MS = 1_500;

/** Starts the server. @throws {EcsStartError} when the folder is in use or unreadable, or the port is taken */
export async function startEcs(options: EcsOptions): Promise<EcsServer> {
  const { events, log = logToStderr, now = Date.now } = options;
  const store = Store.open(options.dir);
  const dir = realpathSync(options.dir);
  const perSecond = options.runTaskPerSecond ?? LAUNCHES_PER_SECOND;
  const faults = new Faults();
  const isolation = chooseIsolation(options.isolation ?? "auto", {
    dir,
    hide: options.hide ?? [],
    expose: options.expose ?? [],
    path: options.path,
    images: Object.values(options.images),
  });
  const delivery = events ? new Delivery(store.outbox, events, now, log) : null;
  const rule = delivery ? { statuses: options.eventStatuses, onEvent: () => delivery.wake() } : null;
  let port = options.port ?? 0;
  const changes = new Changes(store, faults, now, rule);
  const lifecycle = new Lifecycle({
    store,
    changes,
    images: new Images({ images: options.images, env: options.imageEnv ?? {}, path: options.path }),
    isolation,
    faults,
    latency: { provisioningMs: 5, pendingMs: 10, stoppingMs: 5, ...options.latency },
    dir,
    now,
    log,
    metadataUri: ({ metadataId }) => `http://127.0.0.1:${port}/v4/${metadataId}`,
  });
  const world = {
    store,
    lifecycle,
    changes,
    faults,
    launches: new TokenBucket(perSecond, perSecond * BURST_SECONDS, now),
    cpuQuotaUnits: (options.vcpu ?? DEFAULT_VCPU) * 1024,
    now,
  };
  const sweep = (): void => {
    store.transaction(() => {
      for (const { id, cluster } of store.tasks.forget(now(), now() - TASKS_KEPT_MS)) {
        store.logs.forgetTask(id);
        store.catalogue.untagAll(taskArn(cluster, id));
      }
    });
  };
  try {
    const http = listen(port, world, log);
    port = http.port;
    sweep();
    const sweeper = setInterval(sweep, SWEEP_MS);
    await lifecycle.adoptAll();
    delivery?.wake();
    log("ecs.ready", { port, isolation: isolation.kind, because: isolation.because });
    let stopped: Promise<void> | null = null;
    const stop = async (): Promise<void> => {
      clearInterval(sweeper);
      await lifecycle.shutDown();
      await delivery?.drain(LAST_EVENTS_MS);
      await http.stop();
      store.close();
    };
    return {
      url: `http://127.0.0.1:${port}`,
      isolation: isolation.kind,
      stop: () => {
        stopped ??= stop();
        return stopped;
      },
    };
  } catch (error) {
    lifecycle.close();
    store.close();
    throw error;
  }
}
