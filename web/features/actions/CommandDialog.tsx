"use client";
// The question before a command that cannot be taken back, or that takes words along.

import { ROLES, type Role } from "@omakase/machines/roles";
import { AlertDialog } from "radix-ui";
import { type FormEvent, useId, useState } from "react";
import { Button } from "../../elements/Button.tsx";
import type { Details } from "./Asks.tsx";
import { COMMANDS, type CommandName, type Question, type Target } from "./registry.ts";

export interface PendingQuestion {
  readonly command: CommandName;
  readonly question: Question;
}

/** Open while `pending` is set. */
export function CommandDialog({
  pending,
  target,
  onConfirm,
  onDismiss,
  returnFocus,
}: {
  pending: PendingQuestion | null;
  target: Target;
  onConfirm: (command: CommandName, details: Details) => void;
  onDismiss: () => void;
  /** Called once it has closed: whoever opened it takes the focus back. */
  returnFocus: () => void;
}) {
  return (
    <AlertDialog.Root open={pending !== null} onOpenChange={(isOpen) => !isOpen && onDismiss()}>
      <AlertDialog.Portal>
        <AlertDialog.Overlay className="fixed inset-0 z-40 bg-ink/60" />
        <AlertDialog.Content
          onCloseAutoFocus={(event) => {
            event.preventDefault();
            returnFocus();
          }}
          className="fixed top-1/2 left-1/2 z-50 max-h-[90dvh] w-[min(32rem,calc(100vw-2rem))] -translate-x-1/2 -translate-y-1/2 overflow-y-auto rounded-card border-2 bg-panel p-5 text-text lift"
        >
          {pending && <QuestionForm {...pending} target={target} onConfirm={(details) => onConfirm(pending.command, details)} />}
        </AlertDialog.Content>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}

function QuestionForm({
  command,
  question: { title, body, text, asksStage, confirm, dismiss },
  target,
  onConfirm,
}: PendingQuestion & { target: Target; onConfirm: (details: Details) => void }) {
  const [words, setWords] = useState("");
  const [from, setFrom] = useState<Role | undefined>(undefined);
  const textId = useId();
  const stageId = useId();
  const isMissing = text.isRequired && words.trim() === "";

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!isMissing) onConfirm({ text: words, ...(from ? { from } : {}) });
  };

  return (
    <form onSubmit={submit} className="flex flex-col gap-4">
      <AlertDialog.Title className="font-display text-xl font-bold">{title(target.name)}</AlertDialog.Title>
      <AlertDialog.Description className="text-muted">{body}</AlertDialog.Description>
      {asksStage && (
        <label htmlFor={stageId} className="flex flex-col gap-1 font-semibold">
          Begin with
          <select
            id={stageId}
            value={from ?? ""}
            onChange={({ target: { value } }) => setFrom(ROLES.find((role) => role === value))}
            className="min-h-10 rounded-control border-2 bg-panel px-2 font-normal"
          >
            <option value="">the stage that failed</option>
            {ROLES.map((role) => (
              <option key={role} value={role}>
                the {role}
              </option>
            ))}
          </select>
        </label>
      )}
      <label htmlFor={textId} className="flex flex-col gap-1 font-semibold">
        <span>
          {text.label} <span className="font-normal text-muted">{text.isRequired ? "(needed)" : "(if you like)"}</span>
        </span>
        <textarea
          id={textId}
          value={words}
          maxLength={4000}
          rows={3}
          onChange={({ target: { value } }) => setWords(value)}
          className="rounded-control border-2 bg-panel p-2 font-normal"
        />
      </label>
      <div className="flex flex-wrap justify-end gap-3">
        <AlertDialog.Cancel asChild>
          <Button>{dismiss}</Button>
        </AlertDialog.Cancel>
        <Button
          type="submit"
          tone={COMMANDS[command].isIrreversible ? "danger" : "primary"}
          disabledReason={isMissing ? (text.field === "note" ? "Say first what should be different." : "Say first why.") : null}
        >
          {confirm}
        </Button>
      </div>
    </form>
  );
}
