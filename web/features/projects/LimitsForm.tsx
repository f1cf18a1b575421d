"use client";
// A few numbers with one button: read by everybody, changed by an admin.

import { type FormEvent, useId, useState } from "react";
import { Button } from "../../elements/Button.tsx";
import { useIsLive } from "../shell/connection.ts";

export interface LimitField {
  readonly name: string;
  readonly label: string;
  /** Null: no limit. */
  readonly value: number | null;
}

/** What a field says: null when it is empty. */
export const numberOf = (text: string | undefined): number | null =>
  text === undefined || text.trim() === "" ? null : Number(text);

const textOf = (value: number | null): string => (value === null ? "" : String(value));

export function LimitsForm({
  title,
  hint,
  isAdmin,
  fields,
  onSave,
}: {
  title: string;
  hint: string;
  isAdmin: boolean;
  fields: readonly LimitField[];
  onSave: (values: Readonly<Record<string, string>>) => void;
}) {
  const isLive = useIsLive();
  const id = useId();
  /** What was typed and not saved yet; the rest is live. */
  const [typed, setTyped] = useState<Readonly<Record<string, string>>>({});
  const values = Object.fromEntries(fields.map(({ name, value }) => [name, typed[name] ?? textOf(value)]));
  const isChanged = fields.some(({ name, value }) => values[name] !== textOf(value));
  const against = !isAdmin
    ? "Admins may change this: ask an admin of the organisation."
    : !isLive
      ? "Offline: this works again once the connection is back."
      : isChanged
        ? null
        : "Nothing is changed.";
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (against !== null) return;
    onSave(values);
    setTyped({});
  };
  return (
    <form onSubmit={submit} aria-label={title} className="flex flex-col gap-3 border-t-2 pt-3">
      <p className="text-sm text-muted">{hint}</p>
      <div className="grid gap-3 sm:grid-cols-2">
        {fields.map(({ name, label }) => (
          <label key={name} htmlFor={`${id}-${name}`} className="flex flex-col gap-1 text-sm font-semibold">
            {label}
            <input
              id={`${id}-${name}`}
              type="number"
              min="0"
              step="any"
              value={values[name]}
              readOnly={!isAdmin}
              onChange={({ target: { value } }) => setTyped((before) => ({ ...before, [name]: value }))}
              className="min-h-10 rounded-control border-2 bg-panel px-2 font-normal read-only:border-dashed"
            />
          </label>
        ))}
      </div>
      <div>
        <Button type="submit" disabledReason={against}>
          Save
        </Button>
      </div>
    </form>
  );
}
