// What stands in front of several orchestrators: a load balancer as AWS has it, only quicker. It asks each for `/ready`, sends calls
// to those that say yes, in turn, and never asks twice: what goes wrong behind it, its caller sees.

const CHECK_EVERY_MS = 50;
const CHECK_TIMEOUT_MS = 300;

export class Balancer {
  private readonly targets = new Map<string, { isReady: boolean }>();
  private turn = 0;
  private readonly server: Bun.Server<undefined>;
  private readonly checks: ReturnType<typeof setInterval>;

  constructor(port: number) {
    this.server = Bun.serve({ port, hostname: "127.0.0.1", idleTimeout: 255, fetch: (request) => this.pass(request) });
    this.checks = setInterval(() => void this.check(), CHECK_EVERY_MS);
  }

  add(url: string): void {
    this.targets.set(url, { isReady: false });
  }

  remove(url: string): void {
    this.targets.delete(url);
  }

  async stop(): Promise<void> {
    clearInterval(this.checks);
    await this.server.stop(true);
  }

  private async check(): Promise<void> {
    await Promise.all(
      [...this.targets].map(async ([url, target]) => {
        const answer = await fetch(`${url}/ready`, { signal: AbortSignal.timeout(CHECK_TIMEOUT_MS) }).catch(() => null);
        target.isReady = answer?.status === 200;
      }),
    );
  }

  private async pass(request: Request): Promise<Response> {
    const ready = [...this.targets].filter(([, { isReady }]) => isReady).map(([url]) => url);
    const url = ready[this.turn++ % Math.max(1, ready.length)];
    if (url === undefined) return new Response("no target is ready", { status: 503 });
    const { pathname, search } = new URL(request.url);
    try {
      const body = request.method === "GET" ? null : await request.arrayBuffer();
      return await fetch(url + pathname + search, { method: request.method, headers: request.headers, body, redirect: "manual" });
    } catch (error) {
      return new Response(`the target does not answer: ${error}`, { status: 502 });
    }
  }
}
