// Git over HTTP: who may fetch and push, and the two services run by git itself.
//   H1. A push is received whole, bounded, on disk, before git sees a byte: a broken or endless upload touches nothing.
//   H2. Git's own quarantine makes a push all or nothing; it is answered when what follows from it is stored (operations/refs.ts R1-R3).
//   H3. A fetch streams from git to the caller; a caller who goes away ends the process.
import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, gunzipSync } from "node:zlib";
import { actorOf, type Member, may, sees } from "../auth/actor.ts";
import type { AppJwtVerifier } from "../auth/app-jwt.ts";
import { GitHubError } from "../errors.ts";
import { readBounded } from "../http/input.ts";
import { type Incoming, type Route, route } from "../http/route.ts";
import { announceStrays, changingRefs } from "../operations/refs.ts";
import { findRepository, type Repository } from "../store/repositories.ts";
import { gitOf, incomingRoot, type World } from "../world.ts";

/** A fetch sends what it wants and has; even with very many refs that is small. */
const MAX_WANTS_BYTES = 32 * 1024 * 1024;
const MAX_REPORT_BYTES = 16 * 1024 * 1024;

type Service = "git-upload-pack" | "git-receive-pack";
type Path = Incoming<"owner" | "repo">;

export function gitRoutes(world: World, verifyJwt: AppJwtVerifier): Route[] {
  const enter = (incoming: Path, service: Service) => authorised(world, verifyJwt, incoming, service);
  return [
    route("GET", "/{owner}/{repo}/info/refs", async (incoming) => {
      const service = incoming.url.searchParams.get("service");
      if (service !== "git-upload-pack" && service !== "git-receive-pack") return plain(403, "Please upgrade your git client.");
      const { refused, repository, actor } = await enter(incoming, service);
      if (refused !== null) return refused;
      if (service === "git-receive-pack") {
        const change = { world, repository, git: gitOf(world, repository), actor: actor.account, route: incoming.route };
        await world.locks.run(repository.id, () => announceStrays(change));
      }
      return advertise(world, repository, service, protocolOf(incoming.request));
    }),
    route("POST", "/{owner}/{repo}/git-upload-pack", async (incoming) => {
      const { refused, repository } = await enter(incoming, "git-upload-pack");
      return refused ?? upload(world, repository, incoming);
    }),
    route("POST", "/{owner}/{repo}/git-receive-pack", async (incoming) => {
      const { refused, repository, actor } = await enter(incoming, "git-receive-pack");
      return refused ?? receive(world, repository, actor, incoming);
    }),
  ];
}

type Entry =
  | { readonly refused: Response; readonly repository?: never; readonly actor?: never }
  | { readonly refused: null; readonly repository: Repository; readonly actor: Member };

async function authorised(world: World, verifyJwt: AppJwtVerifier, { request, params }: Path, service: Service): Promise<Entry> {
  const actor = await actorOf(world, request.headers.get("authorization"), verifyJwt).catch((error) => {
    if (error instanceof GitHubError) return null;
    throw error;
  });
  if (actor === null || actor.kind === "app")
    return { refused: plain(401, "Invalid username or token.", { "www-authenticate": 'Basic realm="GitHub"' }) };
  const repository = findRepository(world.db, params.owner, params.repo.replace(/\.git$/, ""));
  if (repository === null || !sees(actor, repository)) return { refused: plain(404, "Repository not found.") };
  if (!may(actor, ["contents"], service === "git-receive-pack" ? "write" : "read")) {
    return {
      refused: plain(
        403,
        service === "git-receive-pack" ? "Write access to repository not granted." : "Read access to repository not granted.",
      ),
    };
  }
  return { refused: null, repository, actor };
}

const plain = (status: number, message: string, headers: Readonly<Record<string, string>> = {}) =>
  new Response(`${message}\n`, { status, headers: { "content-type": "text/plain; charset=utf-8", ...headers } });

const gitHeaders = (type: string) => ({
  "content-type": `application/x-${type}`,
  "cache-control": "no-cache, max-age=0, must-revalidate",
});

/** The version a client asks for, if it is one git knows; the header reaches git's environment, so nothing else does. */
function protocolOf(request: Request): string {
  const asked = request.headers.get("git-protocol") ?? "";
  return /^version=[012]$/.test(asked) ? asked : "";
}

const commandOf = (service: Service, ...rest: readonly string[]) => [service.slice("git-".length), "--stateless-rpc", ...rest];

async function advertise(world: World, repository: Repository, service: Service, protocol: string): Promise<Response> {
  const { dir } = gitOf(world, repository);
  const { bytes } = await world.uploads.run(() =>
    world.git.run([...commandOf(service, "--advertise-refs"), dir], { env: { GIT_PROTOCOL: protocol } }),
  );
  const banner = `# service=${service}\n`;
  const packet = `${(banner.length + 4).toString(16).padStart(4, "0")}${banner}0000`;
  const hasBanner = !(protocol === "version=2" && service === "git-upload-pack"); // version 2 starts with its capabilities at once
  return new Response(new Blob([hasBanner ? packet : "", bytes]), { headers: gitHeaders(`${service}-advertisement`) });
}

async function upload(world: World, repository: Repository, incoming: Incoming): Promise<Response> {
  const { request, keepOpen } = incoming;
  const wants = unzipped(await readBounded(request, MAX_WANTS_BYTES), request);
  const leave = await world.uploads.enter();
  keepOpen();
  const env = { GIT_PROTOCOL: protocolOf(request) };
  const child = world.git.spawn([...commandOf("git-upload-pack"), gitOf(world, repository).dir], wants, env);
  request.signal.addEventListener("abort", () => child.kill());
  child.exited.finally(leave);
  return new Response(child.stdout, { headers: gitHeaders("git-upload-pack-result") });
}

function unzipped(body: Uint8Array<ArrayBuffer>, request: Request): Uint8Array<ArrayBuffer> {
  if (request.headers.get("content-encoding") !== "gzip") return body;
  try {
    return new Uint8Array(gunzipSync(body, { maxOutputLength: MAX_WANTS_BYTES }));
  } catch {
    throw new GitHubError(400, "The request body is not valid gzip, or too large.");
  }
}

async function receive(world: World, repository: Repository, actor: Member, incoming: Incoming): Promise<Response> {
  const { request, route: name, keepOpen } = incoming;
  const file = join(incomingRoot(world.settings), randomUUID());
  keepOpen();
  try {
    await spool(request, file, world.settings.maxPushBytes);
    const report = await world.locks.run(repository.id, async () => {
      const git = gitOf(world, repository);
      await git.clearStaleLocks(Date.now());
      const push = () =>
        world.git.run([...commandOf("git-receive-pack"), git.dir], {
          stdin: Bun.file(file),
          env: { GIT_PROTOCOL: protocolOf(request) },
          okCodes: [0, 1, 128], // refused refs are told in the report, broken packs by git's exit
          maxOutputBytes: MAX_REPORT_BYTES,
        });
      return changingRefs({ world, repository, git, actor: actor.account, route: name }, push);
    });
    return new Response(report.bytes, { headers: gitHeaders("git-receive-pack-result") });
  } finally {
    await rm(file, { force: true });
  }
}

/** Writes the (unzipped) body to a file. @throws {GitHubError} 413 when it is larger than a push may be */
async function spool(request: Request, file: string, maxBytes: number): Promise<void> {
  let size = 0;
  const bounded = async function* (source: AsyncIterable<Uint8Array>) {
    for await (const chunk of source) {
      size += chunk.byteLength;
      if (size > maxBytes) throw new GitHubError(413, `A push holds at most ${maxBytes} bytes.`);
      yield chunk;
    }
  };
  const body = Readable.from(request.body ?? []);
  if (request.headers.get("content-encoding") === "gzip") await pipeline(body, createGunzip(), bounded, createWriteStream(file));
  else await pipeline(body, bounded, createWriteStream(file));
}
