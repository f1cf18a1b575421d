"use client";
// Whether the page is live, in a word.

import { CloudOff, LoaderCircle, Radio } from "lucide-react";
import { formatDuration } from "../../elements/duration.ts";
import { useNow } from "../../elements/now.ts";
import { Pill } from "../../elements/Pill.tsx";
import { useConnection } from "./connection.ts";

export function LivePill() {
  const connection = useConnection();
  return (
    <span role="status">
      <ConnectionPill connection={connection} />
    </span>
  );
}

function ConnectionPill({ connection }: { connection: ReturnType<typeof useConnection> }) {
  switch (connection.kind) {
    case "live":
      return (
        <Pill fill="mint" icon={<Radio size={14} />}>
          Live
        </Pill>
      );
    case "connecting":
      return <Pill icon={<LoaderCircle size={14} />}>Connecting</Pill>;
    case "reconnecting":
      return (
        <Pill fill="mango" pattern="dots" icon={<LoaderCircle size={14} />}>
          Reconnecting
        </Pill>
      );
    case "offline":
      return (
        <Pill fill="danger" pattern="hatch" icon={<CloudOff size={14} />}>
          Offline since {new Date(connection.since).toLocaleTimeString()}
          <Since at={connection.since} />
        </Pill>
      );
    default:
      return connection satisfies never;
  }
}

/** The age is for the eye: a status that changes every second would be read out every second. */
function Since({ at }: { at: number }) {
  const now = useNow();
  return <span aria-hidden="true"> ({formatDuration(now - at)})</span>;
}
