"use client";
// What became of the person's last ask of an actor: asked, held back, on its way, or refused or without effect, with the reason.

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
      {(ask?.phase.kind === "refused" || ask?.phase.kind === "ignored") && (
        <p className="flex items-start gap-2 rounded-control border-2 bg-danger px-2 py-1 text-sm text-ink">
          <span className="min-w-0 flex-1 break-words">
            <strong>{ask.phase.kind === "refused" ? "Refused." : "Without effect."}</strong> {ask.phase.message}
          </span>
          <button
            type="button"
            aria-label={ask.phase.kind === "refused" ? "Dismiss this refusal" : "Dismiss this note"}
            onClick={dismiss}
            className="grid size-6 shrink-0 place-items-center rounded"
          >
            <X aria-hidden="true" size={16} />
          </button>
        </p>
      )}
      {(ask?.phase.kind === "asking" || ask?.phase.kind === "asked") && (
        <p className="rounded-control border-2 border-dashed px-2 py-1 text-sm break-words">
          Asked {COMMANDS[ask.command].asked}…
          {ask.phase.kind === "asked" && ask.phase.held !== null ? (
            <span className="text-muted"> held back: {ask.phase.held}</span>
          ) : (
            <Slowness askedAt={ask.askedAt} />
          )}
        </p>
      )}
    </div>
  );
}

function Slowness({ askedAt }: { askedAt: number }) {
  const isSlow = useNow() - askedAt > SLOW_MS;
  return isSlow ? <span className="text-muted"> stored, not taken up yet: is the orchestrator running?</span> : null;
}
