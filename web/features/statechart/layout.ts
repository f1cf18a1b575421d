// Where everything goes: hands a drawing to elk and reads its answer. Elk is given as an argument, since it runs in a worker in a browser.

import type { ElkExtendedEdge, ElkNode, LayoutOptions } from "elkjs/lib/elk-api";
import type { Box, Drawing, Line } from "./drawing.ts";

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Placed {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface PlacedBox extends Placed {
  readonly box: Box;
}

export interface PlacedLine {
  readonly line: Line;
  /** Corners of the line, from the source to the target. */
  readonly points: readonly Point[];
  readonly label: Placed;
}

/** The dot that points at the state entered first. */
interface PlacedMarker extends Placed {
  readonly id: string;
  readonly points: readonly Point[];
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  /** Parents before their children. */
  readonly boxes: readonly PlacedBox[];
  readonly lines: readonly PlacedLine[];
  readonly markers: readonly PlacedMarker[];
}

export interface LayoutEngine {
  layout(graph: ElkNode): Promise<ElkNode>;
}

const OPTIONS: LayoutOptions = {
  "elk.algorithm": "layered",
  "elk.direction": "DOWN",
  "elk.separateConnectedComponents": "false",
  "elk.hierarchyHandling": "INCLUDE_CHILDREN",
  "elk.edgeRouting": "ORTHOGONAL",
  "elk.json.edgeCoords": "ROOT",
  "elk.padding": "[top=8,left=8,bottom=8,right=8]",
  "elk.spacing.nodeNode": "28",
  "elk.spacing.edgeNode": "18",
  "elk.spacing.edgeEdge": "12",
  "elk.spacing.edgeLabel": "4",
  "elk.layered.spacing.nodeNodeBetweenLayers": "36",
  "elk.layered.spacing.edgeNodeBetweenLayers": "18",
  "elk.layered.spacing.edgeEdgeBetweenLayers": "12",
  "elk.layered.considerModelOrder.strategy": "NODES_AND_EDGES",
  "elk.layered.nodePlacement.strategy": "NETWORK_SIMPLEX",
  "elk.layered.feedbackEdges": "false",
};

const MARK = "initial:";
/** Width and height of the dot. */
const MARKER = 12;

/** Between regions that stand beside each other. */
const REGION_GAP = 24;

/** What no line connects is placed by itself, side by side from the top. @throws whatever the engine throws: a graph it cannot place */
export async function layOut({ boxes, lines }: Drawing, engine: LayoutEngine): Promise<Layout> {
  const regionOf = new Map(boxes.flatMap((box, index) => flatten([box]).map(({ state }) => [state.id, index] as const)));
  const areApart = lines.every(({ arrow }) => regionOf.get(arrow.source) === regionOf.get(arrow.target));
  const parts: Layout[] = [];
  for (const [index, region] of (areApart ? boxes.map((box) => [box]) : [boxes]).entries()) {
    const own = areApart ? lines.filter(({ arrow }) => regionOf.get(arrow.source) === index) : lines;
    parts.push(await layOutRegion(region, own, engine));
  }
  let x = 0;
  const moved = parts.map((part) => {
    const placed = shifted(part, x);
    x += part.width + REGION_GAP;
    return placed;
  });
  return {
    width: Math.max(0, x - REGION_GAP),
    height: Math.max(0, ...parts.map(({ height }) => height)),
    boxes: moved.flatMap((part) => part.boxes),
    lines: moved.flatMap((part) => part.lines),
    markers: moved.flatMap((part) => part.markers),
  };
}

async function layOutRegion(region: readonly Box[], lines: readonly Line[], engine: LayoutEngine): Promise<Layout> {
  const marks: ElkExtendedEdge[] = [];
  const touched = new Set(lines.flatMap(({ arrow }) => [arrow.source, arrow.target]));
  const children = withMark(
    region,
    region.map((box) => nodeOf(box, touched, marks)),
    marks,
  );
  const all = flatten(region);
  const order = new Map(all.map(({ state }, index) => [state.id, index]));
  const edges = [...lines.map((line) => edgeOf(line, order)), ...marks];
  const placed = await engine.layout({ id: "canvas", layoutOptions: OPTIONS, children, edges });

  const rects = new Map<string, Placed>();
  const collect = (node: ElkNode, x: number, y: number) => {
    for (const child of node.children ?? []) {
      const at = { x: x + (child.x ?? 0), y: y + (child.y ?? 0), width: child.width ?? 0, height: child.height ?? 0 };
      rects.set(child.id, at);
      collect(child, at.x, at.y);
    }
  };
  collect(placed, 0, 0);
  const drawn = new Map((placed.edges ?? []).map((edge) => [edge.id, edge]));
  return {
    width: placed.width ?? 0,
    height: placed.height ?? 0,
    boxes: all.map((box) => ({ box, ...rectOf(rects, box.state.id) })),
    lines: lines.map((line) => {
      const edge = drawn.get(line.arrow.id);
      return { line, points: pointsOf(edge), label: labelOf(edge) };
    }),
    markers: marks.map(({ id }) => ({ id, ...rectOf(rects, id), points: pointsOf(drawn.get(id)) })),
  };
}

function shifted(part: Layout, by: number): Layout {
  const move = <P extends Point>(at: P): P => ({ ...at, x: at.x + by });
  return {
    ...part,
    boxes: part.boxes.map(move),
    lines: part.lines.map(({ line, points, label }) => ({ line, points: points.map(move), label: move(label) })),
    markers: part.markers.map((marker) => ({ ...move(marker), points: marker.points.map(move) })),
  };
}

function nodeOf(box: Box, touched: ReadonlySet<string>, marks: ElkExtendedEdge[]): ElkNode {
  const { state, width, height, headerHeight, children } = box;
  if (children.length === 0) {
    // What no line leads to is an end reached from everywhere.
    const isApart = !touched.has(state.id) && !state.isInitial;
    return {
      id: state.id,
      width,
      height,
      ...(isApart ? { layoutOptions: { "elk.layered.layering.layerConstraint": "LAST" } } : {}),
    };
  }
  const inner = withMark(
    children,
    children.map((child) => nodeOf(child, touched, marks)),
    marks,
  );
  return {
    id: state.id,
    children: inner,
    layoutOptions: {
      "elk.padding": `[top=${headerHeight + 8},left=16,bottom=16,right=16]`,
      "elk.nodeSize.constraints": "MINIMUM_SIZE",
      "elk.nodeSize.minimum": `(${width},${height})`,
    },
  };
}

/** The boxes of a region with the dot that points at the one entered first, if one is. */
function withMark(boxes: readonly Box[], nodes: readonly ElkNode[], marks: ElkExtendedEdge[]): ElkNode[] {
  const first = boxes.find(({ state }) => state.isInitial);
  if (first === undefined) return [...nodes];
  const id = `${MARK}${first.state.id}`;
  marks.push({ id, sources: [id], targets: [first.state.id], layoutOptions: FORWARD });
  return [{ id, width: MARKER, height: MARKER }, ...nodes];
}

/** The order in which a machine is written is the order of life: lines that follow it keep their direction where there is a circle. */
const FORWARD: LayoutOptions = { "elk.layered.priority.direction": "10" };

function edgeOf({ arrow: { id, source, target }, label, size }: Line, order: ReadonlyMap<string, number>): ElkExtendedEdge {
  const isForward = (order.get(source) ?? 0) < (order.get(target) ?? 0);
  return {
    id,
    sources: [source],
    targets: [target],
    labels: [{ id: `${id}:label`, text: label.join("\n"), ...size }],
    ...(isForward ? { layoutOptions: FORWARD } : {}),
  };
}

function rectOf(rects: ReadonlyMap<string, Placed>, id: string): Placed {
  return rects.get(id) ?? { x: 0, y: 0, width: 0, height: 0 };
}

function pointsOf(edge: ElkExtendedEdge | undefined): readonly Point[] {
  return (edge?.sections ?? []).flatMap(({ startPoint, bendPoints = [], endPoint }) => [startPoint, ...bendPoints, endPoint]);
}

function labelOf(edge: ElkExtendedEdge | undefined): Placed {
  const { x = 0, y = 0, width = 0, height = 0 } = edge?.labels?.[0] ?? {};
  return { x, y, width, height };
}

const flatten = (boxes: readonly Box[]): Box[] => boxes.flatMap((box) => [box, ...flatten(box.children)]);
