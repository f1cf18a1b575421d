"use client";
// The actors of a project as a tree: the project, its features, their agents.

import { type KeyboardEvent, useMemo } from "react";
import { cx } from "../../elements/class-names.ts";
import type { InspectedActor } from "./picture.ts";
import { leavesOf } from "./picture.ts";

interface Branch {
  readonly actor: InspectedActor;
  readonly level: number;
}

/** Parents before their children, in the order of their names; those that match and what leads to them. */
export function branchesOf(actors: Iterable<InspectedActor>, search: string): readonly Branch[] {
  const wanted = search.trim().toLowerCase();
  const all = [...actors].sort((one, other) => one.address.localeCompare(other.address, "en", { numeric: true }));
  const matching = all.filter(({ address, snapshot }) => `${address} ${leavesOf(snapshot.value)}`.toLowerCase().includes(wanted));
  const kept = new Set(matching.flatMap(({ address }) => ancestry(address)));
  const root = Math.min(...all.map(({ address }) => depthOf(address)));
  return all.filter(({ address }) => kept.has(address)).map((actor) => ({ actor, level: depthOf(actor.address) - root + 1 }));
}

const depthOf = (address: string): number => address.split("/").length;
const ancestry = (address: string): string[] => {
  const parts = address.split("/");
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
};

export function ActorTree({
  actors,
  search,
  chosen,
  onChoose,
}: {
  actors: ReadonlyMap<string, InspectedActor>;
  search: string;
  chosen: string | null;
  onChoose: (address: string) => void;
}) {
  const branches = useMemo(() => branchesOf(actors.values(), search), [actors, search]);
  if (branches.length === 0) return <p className="p-2 text-sm text-muted">No actor is called that or is in such a state.</p>;
  const current = branches.some(({ actor }) => actor.address === chosen) ? chosen : branches[0]?.actor.address;
  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>) => {
    const at = branches.findIndex(({ actor }) => actor.address === current);
    const last = branches.length - 1;
    const next = { ArrowDown: Math.min(at + 1, last), ArrowUp: Math.max(at - 1, 0), Home: 0, End: last }[event.key];
    const address = next === undefined ? undefined : branches[next]?.actor.address;
    if (address === undefined) return;
    event.preventDefault();
    onChoose(address);
    const tree = event.currentTarget;
    requestAnimationFrame(() => tree.querySelector<HTMLElement>(`[data-address="${CSS.escape(address)}"]`)?.focus());
  };
  return (
    <div role="tree" aria-label="Actors" onKeyDown={onKeyDown} className="flex flex-col">
      {branches.map(({ actor: { address, name, snapshot }, level }) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the tree handles the keys of all its items
        <div
          key={address}
          role="treeitem"
          aria-level={level}
          aria-selected={address === chosen}
          tabIndex={address === current ? 0 : -1}
          data-address={address}
          onClick={() => onChoose(address)}
          style={{ paddingLeft: `${level * 0.75}rem` }}
          className={cx(
            "flex min-h-8 cursor-pointer flex-wrap items-center gap-x-2 rounded-md border-2 border-transparent pr-2 text-sm",
            address === chosen ? "border-line bg-mango text-ink" : "hover:border-line",
          )}
        >
          <span
            aria-hidden="true"
            className={cx("size-2.5 shrink-0 rounded-full border-2", snapshot.status === "done" ? "bg-line" : "bg-lime")}
          />
          <span className="font-mono font-semibold">{name}</span>
          <span className={cx("min-w-0 truncate font-mono text-xs", address !== chosen && "text-muted")}>
            {leavesOf(snapshot.value)}
          </span>
          {snapshot.status === "done" && <span className="sr-only">, ended</span>}
        </div>
      ))}
    </div>
  );
}
