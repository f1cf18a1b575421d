// What an image name stands for here: a command on this machine. "Pulling" it means looking it up.
import { accessSync, constants } from "node:fs";
import { isAbsolute } from "node:path";
import type { TaskRecord } from "../domain/task.ts";

export interface ImageSettings {
  /** Image name (as in a task definition) → the command it runs. */
  readonly images: Readonly<Record<string, readonly string[]>>;
  /** Environment every image brings along, as `ENV` in a Dockerfile does. */
  readonly env: Readonly<Record<string, string>>;
  /** How tasks find programs. */
  readonly path: string;
}

export type ResolvedImage =
  | { readonly kind: "resolved"; readonly argv: readonly string[]; readonly env: Readonly<Record<string, string>> }
  | { readonly kind: "refused"; readonly reason: string };

export class Images {
  constructor(private readonly settings: ImageSettings) {}

  get names(): readonly string[] {
    return Object.keys(this.settings.images);
  }

  /** The command and the whole environment of a task: nothing of this server's own. Later sources win, except for the metadata address. */
  resolve({ plan }: TaskRecord, metadataUri: string, home: string): ResolvedImage {
    const image = Object.hasOwn(this.settings.images, plan.image) ? this.settings.images[plan.image] : undefined;
    if (!image) {
      return {
        kind: "refused",
        reason: `CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref ${plan.image}: not found`,
      };
    }
    const argv = [...(plan.entryPoint ?? image), ...plan.command];
    const env = {
      PATH: this.settings.path,
      HOME: home,
      ...this.settings.env,
      ...Object.fromEntries(plan.environment.map(({ name, value }) => [name, value])),
      ECS_CONTAINER_METADATA_URI_V4: metadataUri,
    };
    const [program] = argv;
    if (program === undefined || !isProgram(program, env.PATH)) {
      return {
        kind: "refused",
        reason: `CannotStartContainerError: failed to create new container runtime task: exec: "${program ?? ""}": executable file not found in $PATH`,
      };
    }
    return { kind: "resolved", argv, env };
  }
}

function isProgram(program: string, path: string): boolean {
  if (!isAbsolute(program)) return !program.includes("/") && Bun.which(program, { PATH: path }) !== null;
  try {
    accessSync(program, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
