"use client";
// The line in which a person says why.

import { useId } from "react";

interface ReasonFieldProps {
  readonly value: string;
  /** Whether this person may say anything here. */
  readonly isReadOnly: boolean;
  readonly onChange: (value: string) => void;
}

export function ReasonField({ value, isReadOnly, onChange }: ReasonFieldProps) {
  const field = useId();
  return (
    <label htmlFor={field} className="flex flex-col gap-1 text-sm font-semibold">
      Reason
      <input
        id={field}
        value={value}
        maxLength={400}
        readOnly={isReadOnly}
        onChange={({ target }) => onChange(target.value)}
        className="min-h-10 rounded-control border-2 bg-panel px-2 font-normal read-only:border-dashed"
      />
    </label>
  );
}
