"use client";
// Tabs whose choice belongs to the caller, normally to the URL.

import { Tabs as Radix } from "radix-ui";
import type { ReactNode } from "react";

export interface Tab<Name extends string> {
  readonly name: Name;
  readonly label: string;
  /** Shown beside the label. */
  readonly count?: number;
}

export function Tabs<Name extends string>({
  label,
  tabs,
  value,
  onChange,
  children,
}: {
  /** What the tabs are about, for screen readers. */
  label: string;
  tabs: readonly Tab<Name>[];
  value: Name;
  onChange: (name: Name) => void;
  /** The panel of the chosen tab. */
  children: ReactNode;
}) {
  return (
    <Radix.Root
      value={value}
      onValueChange={(next) => {
        const tab = tabs.find(({ name }) => name === next);
        if (tab) onChange(tab.name);
      }}
      activationMode="manual"
    >
      <Radix.List aria-label={label} className="flex gap-1 overflow-x-auto border-b-2 px-1 pt-1">
        {tabs.map(({ name, label, count }) => (
          <Radix.Trigger
            key={name}
            value={name}
            className="min-h-10 shrink-0 rounded-t-control border-2 border-b-0 border-transparent px-3 font-semibold text-muted hover:text-text data-[state=active]:border-line data-[state=active]:bg-mango data-[state=active]:text-ink"
          >
            {label}
            {count !== undefined && <span className="ml-1.5 text-sm font-normal">{count}</span>}
          </Radix.Trigger>
        ))}
      </Radix.List>
      <Radix.Content value={value} className="pt-4">
        {children}
      </Radix.Content>
    </Radix.Root>
  );
}
