// What a person sees of an agent (P7).

import type { SnapshotFrom } from "xstate";
import { columnOf } from "../feature/pipeline.ts";
import { leafPath, metaOf } from "../leaf.ts";
import type { AgentStateMeta, AgentView } from "../view.ts";
import type { agentMachine } from "./agent-machine.ts";

/** Pure, total, cheap: call it wherever a snapshot is shown. An agent takes no event of a person; its feature does. */
export function agentView(snapshot: SnapshotFrom<typeof agentMachine>): AgentView {
  const meta = metaOf(snapshot.getMeta(), (found): found is AgentStateMeta => "category" in found);
  return {
    ...meta,
    column: columnOf(snapshot.context.role),
    state: leafPath(snapshot.value),
    actions: [],
    ended: snapshot.status === "done",
  };
}
