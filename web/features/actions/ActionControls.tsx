"use client";
// The registry as controls: a row of buttons for what is possible now, and a menu with everything. Needs AsksProvider above.

import { Ellipsis } from "lucide-react";
import { DropdownMenu } from "radix-ui";
import { useRef, useState } from "react";
import { Button } from "../../elements/Button.tsx";
import type { MembershipRole } from "../../lib/api.ts";
import { useIsLive } from "../shell/connection.ts";
import { useSendCommand } from "./Asks.tsx";
import { CommandDialog, type PendingQuestion } from "./CommandDialog.tsx";
import { COMMAND_ICONS } from "./command-icons.ts";
import { COMMANDS, type CommandName, commandsFor, reasonAgainst, type Target } from "./registry.ts";

export interface ControlsProps {
  target: Target;
  /** The person's, in the target's organisation. */
  role: MembershipRole;
}

/** Asks its question first when the command has one. */
function useCommand(target: Target) {
  const [pending, setPending] = useState<PendingQuestion | null>(null);
  const send = useSendCommand();
  /** The button that opened the question, or the one of the menu that did: the menu's items are gone by then. */
  const opener = useRef<HTMLButtonElement>(null);
  const run = (name: CommandName) => {
    const { question } = COMMANDS[name];
    if (question === null) send(name, target);
    else setPending({ command: name, question });
  };
  const close = () => setPending(null);
  const dialog = (
    <CommandDialog
      pending={pending}
      target={target}
      onDismiss={close}
      returnFocus={() => opener.current?.focus()}
      onConfirm={(name, details) => {
        send(name, target, details);
        close();
      }}
    />
  );
  return { run, dialog, opener };
}

/** Every command of this kind of actor; impossible ones stay reachable and say why. */
export function ActionMenu({ target, role }: ControlsProps) {
  const isLive = useIsLive();
  const { run, dialog, opener } = useCommand(target);
  const groups = byReason(commandsFor(target.kind), (name) => reasonAgainst(name, target, role, isLive));
  return (
    <>
      <DropdownMenu.Root>
        <DropdownMenu.Trigger asChild>
          <button
            ref={opener}
            type="button"
            aria-label={`Actions for ${target.name}`}
            className="grid size-8 shrink-0 place-items-center rounded-control border-2 border-transparent hover:border-line data-[state=open]:border-line"
          >
            <Ellipsis aria-hidden="true" size={18} />
          </button>
        </DropdownMenu.Trigger>
        <DropdownMenu.Portal>
          <DropdownMenu.Content
            align="end"
            sideOffset={4}
            collisionPadding={8}
            className="z-40 max-h-(--radix-dropdown-menu-content-available-height) w-72 overflow-y-auto rounded-card border-2 bg-panel p-1 text-text lift"
          >
            {groups.map(([reason, names]) => (
              <DropdownMenu.Group
                key={reason}
                aria-label={reason ?? "Possible now"}
                className="not-first:mt-1 not-first:border-t-2"
              >
                {reason && <DropdownMenu.Label className="px-2 pt-2 pb-1 text-sm text-muted">{reason}</DropdownMenu.Label>}
                {names.map((name) => (
                  <MenuItem key={name} name={name} reason={reason} onSelect={() => run(name)} />
                ))}
              </DropdownMenu.Group>
            ))}
          </DropdownMenu.Content>
        </DropdownMenu.Portal>
      </DropdownMenu.Root>
      {dialog}
    </>
  );
}

/** What is possible first; the rest by the reason that stands against it, which is said once. */
function byReason(names: readonly CommandName[], reasonOf: (name: CommandName) => string | null) {
  const groups = new Map<string | null, CommandName[]>([[null, []]]);
  for (const name of names) groups.set(reasonOf(name), [...(groups.get(reasonOf(name)) ?? []), name]);
  return [...groups].filter(([, group]) => group.length > 0);
}

function MenuItem({ name, reason, onSelect }: { name: CommandName; reason: string | null; onSelect: () => void }) {
  const Icon = COMMAND_ICONS[name];
  return (
    <DropdownMenu.Item
      aria-description={reason ?? undefined}
      aria-disabled={reason !== null || undefined}
      onSelect={(event) => {
        if (reason === null) onSelect();
        else event.preventDefault();
      }}
      className="flex min-h-10 items-center gap-2.5 rounded-control border-2 border-transparent px-2 data-highlighted:border-line aria-disabled:text-muted"
    >
      <Icon aria-hidden="true" size={18} className="shrink-0" />
      <span className="font-semibold">{COMMANDS[name].label}</span>
    </DropdownMenu.Item>
  );
}

/** Buttons for what the machine accepts now, but for what is rarely wanted; everything is in the menu. */
export function ActionButtons({ target, role }: ControlsProps) {
  const isLive = useIsLive();
  const { run, dialog, opener } = useCommand(target);
  const accepted = commandsFor(target.kind).filter(
    (name) => COMMANDS[name].action !== "archive" && name !== "pauseStarts" && target.actions.includes(COMMANDS[name].action),
  );
  return (
    <div className="flex flex-wrap items-center gap-2">
      {accepted.map((name, index) => {
        const Icon = COMMAND_ICONS[name];
        return (
          <Button
            key={name}
            tone={index === 0 && !COMMANDS[name].isIrreversible ? "primary" : "plain"}
            icon={<Icon size={18} />}
            disabledReason={reasonAgainst(name, target, role, isLive)}
            onClick={({ currentTarget }) => {
              opener.current = currentTarget;
              run(name);
            }}
          >
            {COMMANDS[name].label}
          </Button>
        );
      })}
      <ActionMenu target={target} role={role} />
      {dialog}
    </div>
  );
}
