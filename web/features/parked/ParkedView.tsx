"use client";
// What is parked in the project, live, on each of its pages; nothing while nothing is.

import { useMutation, useQuery } from "convex/react";
import { PanelBoundary } from "../../elements/PanelBoundary.tsx";
import { api } from "../../lib/api.ts";
import { ActNote } from "../projects/ActNote.tsx";
import { useProject } from "../projects/project.ts";
import { useAct } from "../projects/useAct.ts";
import { useIsLive } from "../shell/connection.ts";
import { ParkedList } from "./ParkedList.tsx";

export function ParkedView() {
  return (
    <PanelBoundary what="What is parked">
      <LiveParked />
    </PanelBoundary>
  );
}

function LiveParked() {
  const { address, role } = useProject();
  const actors = useQuery(api.quarantine.ofProject, { project: address });
  const release = useMutation(api.quarantine.release);
  const { act, run } = useAct();
  const isLive = useIsLive();
  if (actors === undefined || (actors.length === 0 && act.kind === "idle")) return null;
  return (
    <div className="mb-5 flex flex-col gap-2">
      <ParkedList
        actors={actors}
        role={role}
        isLive={isLive}
        onDecide={(decision) => void run(() => release({ ...decision, key: crypto.randomUUID() }))}
      />
      <ActNote act={act} done="Decided: it is back in service." />
    </div>
  );
}
