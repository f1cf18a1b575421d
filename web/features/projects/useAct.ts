"use client";
// Sending one act to the server and saying what came of it.

import { useState } from "react";
import { refusalOf } from "../../elements/refusal.ts";

export type Act = { readonly kind: "idle" | "sending" | "done" } | { readonly kind: "refused"; readonly message: string };

/** `run` never throws: a refusal is in `act`. */
export function useAct(): { act: Act; run: (send: () => Promise<unknown>) => Promise<boolean> } {
  const [act, setAct] = useState<Act>({ kind: "idle" });
  const run = async (send: () => Promise<unknown>) => {
    setAct({ kind: "sending" });
    try {
      await send();
      setAct({ kind: "done" });
      return true;
    } catch (error) {
      setAct({ kind: "refused", message: refusalOf(error).message });
      return false;
    }
  };
  return { act, run };
}
