"use client";
// What became of the person's last ask of an actor: asked, on its way, or refused with the reason.

import { X } from "lucide-react";
import { useNow } from "../../elements/now.ts";
import { useAskOf } from "./Asks.tsx";
import { COMMANDS, type Target } from "./registry.ts";

/** After this long without a step somebody should know that nothing has happened yet. */
const SLOW_MS = 10_000;

/** Always mounted, so that screen readers hear what is put into it. */
export function AskNote({ target }: { target: Target }) {
  const { ask, dismiss } = useAskOf(target);
  return (
    <div aria-live="polite">
      {ask?.phase.kind === "refused" && (
        <p className="flex items-start gap-2 rounded-control border-2 bg-danger px-2 py-1 text-sm text-ink">
          <span className="min-w-0 flex-1 break-words">
            <strong>Refused.</strong> {ask.phase.message}
          </span>
          <button
            type="button"
            aria-label="Dismiss this refusal"
            onClick={dismiss}
            className="grid size-6 shrink-0 place-items-center rounded"
          >
            <X aria-hidden="true" size={16} />
          </button>
        </p>
      )}
      {ask && ask.phase.kind !== "refused" && (
        <p className="rounded-control border-2 border-dashed px-2 py-1 text-sm">
          Asked {COMMANDS[ask.command].asked}…
          <Slowness askedAt={ask.askedAt} />
        </p>
      )}
    </div>
  );
}

function Slowness({ askedAt }: { askedAt: number }) {
  const isSlow = useNow() - askedAt > SLOW_MS;
  return isSlow ? <span className="text-muted"> stored, not taken up yet: is the orchestrator running?</span> : null;
}
