// Strangers' text in a prompt: cleaned, cut, and fenced by a token they cannot know. A fence keeps text apart from the task; that it
// is no order is said beside it and in the role's instructions.

import { randomBytes } from "node:crypto";
import { cutMiddle, visible } from "./bounded-text.ts";

/** One per prompt. Letters and digits, a digit for certain. */
export const fenceToken = (): string => `${randomBytes(12).toString("hex")}0`;

/** @param name what is quoted, in our words @returns null when nothing is left of it */
export function quoted(token: string, name: string, text: string, maxBytes: number): string | null {
  const clean = cutMiddle(visible(text), maxBytes).trim();
  if (clean === "") return null;
  // The token is made after the text was written; should it be in there all the same, the quote must not end early.
  return [`<<<${name} ${token}`, clean.replaceAll(token, "…"), `${token}>>>`].join("\n");
}
