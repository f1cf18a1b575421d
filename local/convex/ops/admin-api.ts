// What the commands of `main.ts` ask of a running server, under `/api/local/`. The caller has checked the admin key.
import type { SigningKeys } from "../auth/signing-keys.ts";
import type { Store } from "../engine/index.ts";
import { readObject } from "../http/body.ts";
import { badRequest, HttpError, json } from "../http/replies.ts";
import type { Loop } from "../loop/loop.ts";
import { nowMs } from "../runner/real-globals.ts";
import type { FileStorage } from "../storage/file-storage.ts";
import { BackupRefused, backUp } from "./backup.ts";
import type { Log } from "./log.ts";

interface AdminApiDeps {
  readonly store: Store;
  readonly loop: Loop;
  readonly files: FileStorage;
  readonly signingKeys: SigningKeys;
  /** Data folder. */
  readonly dir: string;
  readonly log: Log;
}

export class AdminApi {
  #backup: Promise<unknown> | null = null;

  constructor(private readonly deps: AdminApiDeps) {}

  /** @param route the part after `/api/local/`. @throws {HttpError} */
  async handle(route: string, request: Request): Promise<Response | null> {
    if (request.method !== "POST") return null;
    switch (route) {
      case "backup": {
        const { to } = await readObject(request);
        if (typeof to !== "string") throw badRequest("`to` must be the full path of the backup's folder.");
        return this.#backUp(to);
      }
      case "rotate_signing_key":
        return json({ kid: await this.#rotate() });
      default:
        return null;
    }
  }

  /** Resolves when no backup is under way: the database must not be closed in the middle of one. */
  async idle(): Promise<void> {
    await this.#backup?.catch(() => {});
  }

  async #backUp(to: string): Promise<Response> {
    if (this.#backup !== null) throw new HttpError(409, "BackupRunning", "Another backup is being made. Wait for it to end.");
    const { loop, log } = this.deps;
    const startedAtMs = nowMs();
    const backup = backUp(this.deps, to, (work) => loop.read(work));
    this.#backup = backup;
    try {
      const { folder, ts, blobs } = await backup;
      log.info("backup.made", { folder, blobs, tookMs: nowMs() - startedAtMs });
      return json({ folder, ts: ts.toString(), blobs });
    } catch (error) {
      if (error instanceof BackupRefused) throw badRequest(error.message);
      throw error;
    } finally {
      this.#backup = null;
    }
  }

  async #rotate(): Promise<string> {
    const kid = await this.deps.loop.alone(async ({ group, afterCommit }) => {
      const rotated = await this.deps.signingKeys.rotate(group, nowMs());
      afterCommit(rotated.use);
      return rotated.kid;
    });
    this.deps.log.info("signingKey.rotated", { kid });
    return kid;
  }
}
