"use client";
// The book of asks for the pages below, and the way from a command to Convex.

import type { Role } from "@omakase/machines/roles";
import { useMutation, useQuery } from "convex/react";
import { createContext, type ReactNode, use, useCallback, useEffect, useState, useSyncExternalStore } from "react";
import { refusalOf } from "../../elements/refusal.ts";
import { api } from "../../lib/api.ts";
import { type Ask, AskBook } from "./ask-book.ts";
import { COMMANDS, type CommandName, type Target } from "./registry.ts";

const BookContext = createContext<AskBook | null>(null);

export function AsksProvider({ children }: { children: ReactNode }) {
  const [book] = useState(() => new AskBook());
  return <BookContext value={book}>{children}</BookContext>;
}

function useBook(): AskBook {
  const book = use(BookContext);
  if (book === null) throw new Error("Commands are for pages below AsksProvider");
  return book;
}

/** What goes with a command. */
export interface Details {
  readonly text?: string;
  /** For retry: the stage to begin with. */
  readonly from?: Role;
}

/** Sends a command to an actor. The answer is in `useAskOf`, and then in the actor itself. */
export function useSendCommand(): (name: CommandName, target: Target, details?: Details) => void {
  const book = useBook();
  const send = useMutation(api.commands.send);
  return useCallback(
    (name, target, { text, from } = {}) => {
      const { action, mode, question } = COMMANDS[name];
      const words = text?.trim() ? { [question?.text.field ?? "reason"]: text.trim() } : {};
      const key = crypto.randomUUID();
      void book.ask(
        { address: target.address, key },
        name,
        () => send({ address: target.address, action, key, ...words, ...(mode ? { mode } : {}), ...(from ? { from } : {}) }),
        (error) => refusalOf(error).message,
      );
    },
    [book, send],
  );
}

/** What was asked of this actor and has not come about yet, or did not; null when nothing. */
export function useAskOf({ address }: Pick<Target, "address">): { ask: Ask | null; dismiss: () => void } {
  const book = useBook();
  const read = () => book.of(address);
  const ask = useSyncExternalStore(book.subscribe, read, read);
  const waiting = ask?.phase.kind === "asked" ? ask.key : null;
  const outcome = useQuery(api.commands.outcome, waiting === null ? "skip" : { address, key: waiting });
  useEffect(() => {
    if (waiting !== null && outcome !== undefined) book.heard(address, waiting, outcome);
  }, [book, address, waiting, outcome]);
  return { ask, dismiss: () => book.dismiss(address) };
}
