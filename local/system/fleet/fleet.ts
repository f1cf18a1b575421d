// Several orchestrators over the far ends of one machine, behind a load balancer: to be stopped, killed and deployed by hand.
// Agents are a process that sleeps: what they do is no matter here, how often they are started is.

import { createServer } from "node:net";
import { SAMPLE } from "@omakase/local-launcher/stack";
import { shardOf } from "../../../convex/shardOf.ts";
import { type Headless, startHeadless } from "../headless.ts";
import { PROJECT } from "../watch.ts";
import { Balancer } from "./balancer.ts";

const SHARDS = 16;
const PROJECT_SHARD = shardOf(PROJECT);
const SLEEPER = JSON.stringify(["/bin/sh", "-c", "exec sleep 600"]);

export interface FleetOptions {
  /** @default the orchestrator's own */
  readonly leaseTtlMs?: number;
}

/** One orchestrator, and what its log has said. */
export interface Member {
  readonly name: string;
  readonly url: string;
  readonly process: Bun.Subprocess;
  readonly lines: { readonly event: string; readonly readAt: number; readonly shard?: number; readonly epoch?: number }[];
}

export class Fleet {
  readonly members = new Set<Member>();
  private started = 0;

  private constructor(
    readonly stack: Headless,
    private readonly balancer: Balancer,
    private readonly options: FleetOptions,
  ) {}

  static async start(options: FleetOptions = {}): Promise<Fleet> {
    const extra = { ecs: ["--image", `${SAMPLE.image}=${SLEEPER}`] };
    const stack = await startHeadless(["--no-web"], () => {}, extra, { orchestrator: false });
    return new Fleet(stack, new Balancer(stack.launch.options.ports.orchestrator), options);
  }

  /** Starts one more and waits until the load balancer may send to it. */
  async join(): Promise<Member> {
    const { env, command, cwd } = this.stack.launch.stack.orchestrator;
    const name = `member-${++this.started}`;
    const port = await freePort();
    const ttl = this.options.leaseTtlMs === undefined ? {} : { LEASE_TTL_MS: String(this.options.leaseTtlMs) };
    const process = Bun.spawn([...command], {
      cwd,
      env: { ...env, ...ttl, PORT: String(port), ORCHESTRATOR_NAME: name, INTAKE_LINGER_MS: "500" },
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
    });
    const member: Member = { name, url: `http://127.0.0.1:${port}`, process, lines: [] };
    void follow(process.stderr, member);
    this.members.add(member);
    void process.exited.then(() => {
      this.members.delete(member);
      this.balancer.remove(member.url);
    });
    const isReady = () =>
      fetch(`${member.url}/ready`).then(
        ({ status }) => status === 200,
        () => false,
      );
    await until(`${name} is ready`, isReady, 20_000);
    this.balancer.add(member.url);
    return member;
  }

  /** Who has taken which shard last, among the living: what their logs say. */
  owners(): Map<number, { member: Member; epoch: number; takenAt: number }> {
    const owners = new Map<number, { member: Member; epoch: number; takenAt: number }>();
    for (const member of this.members)
      for (const { event, shard = -1, epoch = 0, readAt } of member.lines)
        if (event === "shard.taken" && epoch > (owners.get(shard)?.epoch ?? 0))
          owners.set(shard, { member, epoch, takenAt: readAt });
    return owners;
  }

  /** The one that works for the sample's project. */
  get worker(): Member {
    const owner = this.owners().get(PROJECT_SHARD);
    if (!owner) throw new Error("nobody owns the project's shard");
    return owner.member;
  }

  /** Waits until every shard is somebody's of these, and nobody has more than its share. */
  async shared(members: Iterable<Member> = this.members, limitMs = 30_000): Promise<void> {
    const among = [...members];
    const most = Math.ceil(SHARDS / among.length);
    await until(
      `${among.map(({ name }) => name).join(", ")} share the shards`,
      () => {
        const owners = [...this.owners().values()];
        return (
          owners.length === SHARDS &&
          among.every((member) => {
            const count = owners.filter((owner) => owner.member === member).length;
            return count >= Math.floor(SHARDS / among.length) && count <= most;
          })
        );
      },
      limitMs,
    );
  }

  /** SIGTERM. @returns ms until every shard it had was loaded by another */
  async retire(member: Member): Promise<number> {
    return this.takenOver(member, "SIGTERM");
  }

  /** SIGKILL. @returns ms until every shard it had was loaded by another */
  async kill(member: Member): Promise<number> {
    return this.takenOver(member, "SIGKILL");
  }

  async end(): Promise<void> {
    for (const { process } of this.members) {
      process.kill("SIGCONT");
      process.kill("SIGKILL");
    }
    await Promise.all([...this.members].map(({ process }) => process.exited));
    await this.balancer.stop();
    await this.stack.end();
  }

  private async takenOver(member: Member, signal: "SIGTERM" | "SIGKILL"): Promise<number> {
    const had = [...this.owners()].filter(([, owner]) => owner.member === member);
    const at = performance.now();
    member.process.kill(signal);
    this.members.delete(member);
    const taken = () => {
      const owners = this.owners();
      return had.every(([shard, { epoch }]) => (owners.get(shard)?.epoch ?? 0) > epoch);
    };
    await until(`the shards of ${member.name} are taken over`, taken, 30_000);
    if (signal === "SIGTERM") await member.process.exited;
    const owners = this.owners();
    return Math.max(0, ...had.map(([shard]) => (owners.get(shard)?.takenAt ?? at) - at));
  }
}

async function follow(stream: ReadableStream<Uint8Array>, { lines }: Member): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const all = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = all.pop() ?? "";
    for (const line of all) if (line.startsWith("{")) lines.push({ ...JSON.parse(line), readAt: performance.now() });
  }
}

/** @throws {Error} when it has not come to that within `limitMs` */
export async function until(what: string, holds: () => boolean | Promise<boolean>, limitMs: number): Promise<void> {
  const end = Date.now() + limitMs;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`waited ${limitMs} ms in vain: ${what}`);
    await Bun.sleep(10);
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => (typeof address === "object" && address ? resolve(address.port) : reject(new Error("no port"))));
    });
  });
}
