"use client";
// Actors that wait for a person, each with the event that failed, who sent it and why it failed, and what may be done about it.

import type { FunctionReturnType } from "convex/server";
import { CircleParking } from "lucide-react";
import { useState } from "react";
import { Button } from "../../elements/Button.tsx";
import { Card } from "../../elements/Card.tsx";
import { ReasonField } from "../../elements/ReasonField.tsx";
import { RelativeTime } from "../../elements/RelativeTime.tsx";
import type { api, MembershipRole } from "../../lib/api.ts";

export type Parked = FunctionReturnType<typeof api.quarantine.ofProject>[number];

/** What a person decides about one of them. */
export interface Decision {
  readonly address: string;
  readonly decision: "retry" | "drop";
  readonly eventId: string | null;
  readonly reason: string;
}

interface ParkedListProps {
  readonly actors: readonly Parked[];
  readonly role: MembershipRole;
  readonly isLive: boolean;
  readonly onDecide: (decision: Decision) => void;
}

export function ParkedList({ actors, ...rest }: ParkedListProps) {
  if (actors.length === 0) return null;
  return (
    <Card className="flex flex-col gap-3">
      <h3 className="flex items-center gap-2 text-lg">
        <CircleParking aria-hidden="true" size={20} /> Parked: needs a person
      </h3>
      <ul className="flex flex-col gap-4">
        {actors.map((actor) => (
          <ParkedActor key={actor.address} actor={actor} {...rest} />
        ))}
      </ul>
    </Card>
  );
}

function ParkedActor({ actor, role, isLive, onDecide }: Omit<ParkedListProps, "actors"> & { actor: Parked }) {
  const { address, kind, reason, event } = actor;
  const [why, setWhy] = useState("");
  const offline = isLive ? null : "Offline: this works again once the connection is back.";
  const againstRetry = role === "viewer" ? "Developers and admins may try it again." : offline;
  const againstDrop = role !== "admin" ? "Admins may drop an event." : (offline ?? needsReason(why));
  const decide = (decision: Decision["decision"]) =>
    onDecide({ address, decision, eventId: event?.id ?? null, reason: why.trim() });
  return (
    <li className="flex flex-col gap-2 border-t-2 pt-3 first:border-t-0 first:pt-0">
      <p className="break-words">
        The {kind} <code className="font-mono text-sm">{address}</code>{" "}
        {event === null ? "cannot be used" : `gave up on an event after ${event.tries} tries`}
      </p>
      <p className="rounded-control border-2 bg-danger px-3 py-2 break-words text-ink">{event?.error ?? reason}</p>
      {event && (
        <details>
          <summary className="min-h-6 font-semibold">
            The event, from {event.sender.name} ({event.sender.kind}), last tried <RelativeTime at={event.at} />
          </summary>
          <p className="pt-2 font-mono text-xs break-all text-muted">{event.id}</p>
          <pre className="max-h-60 overflow-auto font-mono text-xs break-all whitespace-pre-wrap">
            {event.json ?? "A timer of its own."}
          </pre>
        </details>
      )}
      <ReasonField value={why} isReadOnly={role === "viewer"} onChange={setWhy} />
      <div className="flex flex-wrap gap-2">
        <Button tone="primary" disabledReason={againstRetry} onClick={() => decide("retry")}>
          Try again
        </Button>
        {event && (
          <Button tone="danger" disabledReason={againstDrop} onClick={() => decide("drop")}>
            Drop the event
          </Button>
        )}
      </div>
    </li>
  );
}

const needsReason = (why: string) => (why.trim() === "" ? "Say first why: it will not happen any more." : null);
