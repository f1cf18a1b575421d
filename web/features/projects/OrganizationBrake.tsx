"use client";
// Holding every project of the organisation at once, and letting them go again.

import { useMutation } from "convex/react";
import type { FunctionReturnType } from "convex/server";
import { OctagonX } from "lucide-react";
import { AlertDialog } from "radix-ui";
import { useState } from "react";
import { Button } from "../../elements/Button.tsx";
import { Card } from "../../elements/Card.tsx";
import { ReasonField } from "../../elements/ReasonField.tsx";
import { RelativeTime } from "../../elements/RelativeTime.tsx";
import { api } from "../../lib/api.ts";
import { useIsLive } from "../shell/connection.ts";
import { ActNote } from "./ActNote.tsx";
import { useProject } from "./project.ts";
import { useAct } from "./useAct.ts";

type Hold = FunctionReturnType<typeof api.budgets.ofProject>["hold"];
type Mode = NonNullable<Hold>["mode"];

const MODES: Record<Mode, string> = {
  starts: "Starting nothing new",
  drain: "Draining: agents at work finish",
  stop: "Emergency stop",
};

export function OrganizationBrake({ hold }: { hold: Hold }) {
  const { address, role, organization } = useProject();
  const steer = useMutation(api.organizations.steer);
  const { act, run } = useAct();
  const isLive = useIsLive();
  const [reason, setReason] = useState("");
  const against =
    role !== "admin"
      ? "Admins may hold the organisation."
      : isLive
        ? null
        : "Offline: this works again once the connection is back.";
  const needsReason = against ?? (reason.trim() === "" ? "Say first why: everybody who is stopped is shown it." : null);
  const send = (command: { kind: "resume" } | { kind: "hold"; mode: Mode; reason: string }) =>
    void run(() => steer({ project: address, command, key: crypto.randomUUID() }));
  const held = (mode: Mode) => send({ kind: "hold", mode, reason: reason.trim() });
  return (
    <Card className="flex flex-col gap-3">
      <h3 className="text-lg">All projects of {organization.name}</h3>
      {hold === null ? (
        <p className="text-muted">Nothing holds them.</p>
      ) : (
        <p className="rounded-control border-2 bg-danger px-3 py-2 break-words text-ink">
          {MODES[hold.mode]}, by {hold.by} <RelativeTime at={hold.at} />
          {hold.reason === "" ? "" : `: ${hold.reason}`}
        </p>
      )}
      <ReasonField value={reason} isReadOnly={role !== "admin"} onChange={setReason} />
      <div className="flex flex-wrap gap-2">
        {hold !== null && (
          <Button tone="primary" disabledReason={against} onClick={() => send({ kind: "resume" })}>
            Resume all
          </Button>
        )}
        <Button disabledReason={against} onClick={() => held("starts")}>
          Start nothing new
        </Button>
        <Button disabledReason={against} onClick={() => held("drain")}>
          Drain
        </Button>
        {needsReason === null ? (
          <StopAll organization={organization.name} onConfirm={() => held("stop")} />
        ) : (
          <Button tone="danger" icon={<OctagonX size={18} />} disabledReason={needsReason}>
            Emergency stop of all
          </Button>
        )}
      </div>
      <ActNote act={act} done="Every project has been told." />
    </Card>
  );
}

function StopAll({ organization, onConfirm }: { organization: string; onConfirm: () => void }) {
  return (
    <AlertDialog.Root>
      <AlertDialog.Trigger asChild>
        <Button tone="danger" icon={<OctagonX size={18} />}>
          Emergency stop of all
        </Button>
      </AlertDialog.Trigger>
      <AlertDialog.Portal>
        <AlertDialog.Overlay className="fixed inset-0 z-40 bg-ink/60" />
        <AlertDialog.Content className="fixed top-1/2 left-1/2 z-50 flex w-[min(32rem,calc(100vw-2rem))] -translate-x-1/2 -translate-y-1/2 flex-col gap-4 rounded-card border-2 bg-panel p-5 text-text lift">
          <AlertDialog.Title className="font-display text-xl font-bold">Stop every agent of {organization}?</AlertDialog.Title>
          <AlertDialog.Description className="text-muted">
            All running tasks of all projects are stopped at once, and nothing starts until an admin resumes. Commits already
            pushed, open pull requests and money spent are not undone.
          </AlertDialog.Description>
          <div className="flex flex-wrap justify-end gap-3">
            <AlertDialog.Cancel asChild>
              <Button>Keep running</Button>
            </AlertDialog.Cancel>
            <AlertDialog.Action asChild>
              <Button tone="danger" onClick={onConfirm}>
                Stop everything
              </Button>
            </AlertDialog.Action>
          </div>
        </AlertDialog.Content>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
