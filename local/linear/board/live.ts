// Tells open pages that something changed (server-sent events). Says which issues, not what: pages read again.

/** Pages open at once. One more is told to come back later. */
const MOST_PAGES = 200;
/** Events a page may fall behind before it is let go; its browser connects again by itself. */
const MOST_BEHIND = 1_000;

export class Live {
  private readonly pages = new Set<ReadableStreamDefaultController<Uint8Array>>();
  private readonly encoder = new TextEncoder();

  /** The stream of one page. */
  connect(): Response {
    if (this.pages.size >= MOST_PAGES) return new Response("too many pages are open\n", { status: 503 });
    let page: ReadableStreamDefaultController<Uint8Array>;
    const stream = new ReadableStream<Uint8Array>({
      start: (controller) => {
        page = controller;
        this.pages.add(page);
        page.enqueue(this.encoder.encode("retry: 500\nevent: hello\ndata: []\n\n"));
      },
      cancel: () => void this.pages.delete(page),
    });
    return new Response(stream, { headers: { "content-type": "text/event-stream", "cache-control": "no-store" } });
  }

  announce(identifiers: readonly string[]): void {
    if (this.pages.size === 0) return;
    const message = this.encoder.encode(`event: change\ndata: ${JSON.stringify(identifiers)}\n\n`);
    for (const page of this.pages) {
      if ((page.desiredSize ?? 0) < -MOST_BEHIND) this.drop(page);
      else page.enqueue(message);
    }
  }

  close(): void {
    for (const page of this.pages) this.drop(page);
  }

  private drop(page: ReadableStreamDefaultController<Uint8Array>): void {
    this.pages.delete(page);
    page.close();
  }
}
