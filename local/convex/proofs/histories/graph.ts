// Which transaction must come before which, and a cycle if there is one.

/** ww: its version was replaced by; wr: its version was read by; rw: it read the version before the one of; session: its client
 *  saw the other later; realtime: it had ended before the other began. */
export type EdgeKind = "ww" | "wr" | "rw" | "session" | "realtime";
export interface Edge {
  readonly kind: EdgeKind;
  readonly to: number;
  readonly why: string;
}
export interface Step extends Edge {
  readonly from: number;
}

export class Graph {
  readonly #edges: Edge[][];

  constructor(readonly size: number) {
    this.#edges = Array.from({ length: size }, () => []);
  }

  add(from: number, to: number, kind: EdgeKind, why: string): void {
    if (from !== to) this.#edges[from]?.push({ kind, to, why });
  }

  from(node: number, kinds: ReadonlySet<EdgeKind>): Edge[] {
    return (this.#edges[node] ?? []).filter(({ kind }) => kinds.has(kind));
  }

  /** Groups of nodes that reach each other by these edges, more than one node each (Tarjan, without recursion). */
  tangles(kinds: ReadonlySet<EdgeKind>): number[][] {
    const index = new Int32Array(this.size).fill(-1);
    const low = new Int32Array(this.size);
    const isOnStack = new Uint8Array(this.size);
    const stack: number[] = [];
    const found: number[][] = [];
    let next = 0;
    for (let root = 0; root < this.size; root++) {
      if (index[root] !== -1) continue;
      const work: { node: number; edges: Edge[]; at: number }[] = [];
      const enter = (node: number) => {
        index[node] = low[node] = next++;
        stack.push(node);
        isOnStack[node] = 1;
        work.push({ node, edges: this.from(node, kinds), at: 0 });
      };
      enter(root);
      for (let frame = work.at(-1); frame !== undefined; frame = work.at(-1)) {
        const { node } = frame;
        const edge = frame.edges[frame.at++];
        if (edge !== undefined) {
          if (index[edge.to] === -1) enter(edge.to);
          else if (isOnStack[edge.to] === 1) low[node] = Math.min(low[node] ?? 0, index[edge.to] ?? 0);
          continue;
        }
        work.pop();
        const parent = work.at(-1)?.node;
        if (parent !== undefined) low[parent] = Math.min(low[parent] ?? 0, low[node] ?? 0);
        if (low[node] !== index[node]) continue;
        const group: number[] = [];
        for (let member = stack.pop(); member !== undefined; member = stack.pop()) {
          isOnStack[member] = 0;
          group.push(member);
          if (member === node) break;
        }
        if (group.length > 1) found.push(group);
      }
    }
    return found;
  }

  /** The shortest way by these edges inside `within`; null: there is none. */
  path(from: number, to: number, kinds: ReadonlySet<EdgeKind>, within: ReadonlySet<number>): Step[] | null {
    const cameBy = new Map<number, Step>();
    const queue = [from];
    for (let node = queue.shift(); node !== undefined; node = queue.shift()) {
      for (const edge of this.from(node, kinds)) {
        if (!within.has(edge.to) || cameBy.has(edge.to)) continue;
        cameBy.set(edge.to, { from: node, ...edge });
        if (edge.to === to) return unwind(cameBy, from, to);
        queue.push(edge.to);
      }
    }
    return null;
  }
}

function unwind(cameBy: ReadonlyMap<number, Step>, from: number, to: number): Step[] {
  const steps: Step[] = [];
  for (let step = cameBy.get(to); step !== undefined; step = step.from === from ? undefined : cameBy.get(step.from))
    steps.unshift(step);
  return steps;
}
