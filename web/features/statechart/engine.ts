// Layouts for the page: one warm worker, and each definition laid out once.

import type { ELK, ElkNode } from "elkjs/lib/elk-api";
import type { Drawing } from "./drawing.ts";
import { type Layout, layOut } from "./layout.ts";

const layouts = new Map<string, Promise<Layout>>();
let engine: Promise<ELK> | null = null;

/** Made when the first chart is drawn; it lives as long as the page. */
function sharedEngine(): Promise<ELK> {
  engine ??= import("elkjs/lib/elk-api.js").then(
    ({ default: Elk }) =>
      new Elk({ workerFactory: () => new Worker(new URL("./elk.worker.ts", import.meta.url), { type: "module", name: "elk" }) }),
  );
  return engine;
}

/**
 * The same promise for the same key, so that a page that asks twice waits once. A failed layout is forgotten.
 * @param key stands for the definition and everything else the drawing depends on
 */
export function sharedLayout(key: string, drawing: Drawing): Promise<Layout> {
  const known = layouts.get(key);
  if (known) return known;
  const made = sharedEngine().then((elk) => layOut(drawing, { layout: (graph: ElkNode) => elk.layout(graph) }));
  layouts.set(key, made);
  made.catch(() => layouts.delete(key));
  return made;
}
