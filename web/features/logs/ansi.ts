// Terminal text as pieces with colours. Only colours and weights are taken from it; whatever else a terminal would do is left out.

import Anser from "anser";

export interface Piece {
  readonly text: string;
  /** Class names of ours. */
  readonly look: string;
}

const ESC = "\u001b";
/** Titles, links and other strings to the terminal. */
const STRINGS = new RegExp(`${ESC}[\\]PX^_][^${ESC}\\u0007]*(?:\\u0007|${ESC}\\\\|$)`, "g");
/** Commands that move the cursor or clear; those that end in `m` are colours. */
const COMMANDS = new RegExp(`${ESC}\\[[0-9;?]*[ -/]*[@-ln-~]|${ESC}[^\\[]`, "g");
const COLOURS = new RegExp(`${ESC}\\[[0-9;:]*m`, "g");
/** What is left and prints nothing, or turns the direction of reading about. Tab stays. */
const INVISIBLE = /[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** One line without anything but text and colours. A line that was overwritten from its start keeps its last version. */
export function cleaned(line: string): string {
  const last = line.slice(line.trimEnd().lastIndexOf("\r") + 1).trimEnd();
  return last
    .replace(STRINGS, "")
    .replace(COMMANDS, "")
    .replace(INVISIBLE, (found) => (found === ESC || found === "\t" ? found : ""));
}

export const withoutColours = (text: string): string =>
  text.includes(ESC) ? text.replace(COLOURS, "").replaceAll(ESC, "") : text;

/** Readable on both themes: the dark shade on light paper, the light one on dark. */
const COLOUR: Readonly<Record<string, string>> = {
  "ansi-black": "text-muted",
  "ansi-red": "text-[light-dark(#a4001d,#ff9a9a)]",
  "ansi-green": "text-[light-dark(#0a5c1f,#8fe39a)]",
  "ansi-yellow": "text-[light-dark(#6b4a00,#ffd569)]",
  "ansi-blue": "text-[light-dark(#0b3d91,#9cc4ff)]",
  "ansi-magenta": "text-[light-dark(#7a1a7a,#f0a8f0)]",
  "ansi-cyan": "text-[light-dark(#00565c,#8be6ec)]",
  "ansi-white": "text-text",
};

/** @param text cleaned */
export function piecesOf(text: string): readonly Piece[] {
  if (!text.includes(ESC)) return [{ text, look: "" }];
  return Anser.ansiToJson(text, { json: true, use_classes: true, remove_empty: true }).map(({ content, fg, decorations }) => ({
    text: content.replaceAll(ESC, ""),
    look: [
      COLOUR[fg?.replace("ansi-bright-", "ansi-") ?? ""] ?? "",
      decorations.includes("bold") ? "font-bold" : "",
      decorations.includes("dim") ? "opacity-80" : "",
      decorations.includes("underline") ? "underline" : "",
    ]
      .filter(Boolean)
      .join(" "),
  }));
}
