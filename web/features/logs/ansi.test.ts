import { describe, expect, test } from "bun:test";
import { cleaned, piecesOf, withoutColours } from "./ansi.ts";

const ESC = "\u001b";

describe("terminal text", () => {
  test("colours become looks, the text stays", () => {
    const pieces = piecesOf(cleaned(`${ESC}[1m${ESC}[31mred${ESC}[0m plain`));
    expect(pieces.map(({ text }) => text).join("")).toBe("red plain");
    expect(pieces[0]?.look).toContain("font-bold");
    expect(pieces.at(-1)?.look).toBe("");
  });

  test("what moves the cursor, sets a title or hides a link is gone", () => {
    const hostile = `${ESC}[2J${ESC}[10;10Ha${ESC}]0;title\u0007b${ESC}]8;;https://evil.example${ESC}\\c${ESC}[?25l`;
    expect(cleaned(hostile)).toBe("abc");
  });

  test("nothing invisible is left, and the direction of reading is ours", () => {
    expect(cleaned("a\u0000b\u202ec\u2066d\te")).toBe("abcd\te");
  });

  test("a line that was written over keeps its last version", () => {
    expect(cleaned("10%\r50%\r100%\r")).toBe("100%");
  });

  test("HTML is text like any other", () => {
    expect(piecesOf("<script>alert(1)</script>")).toEqual([{ text: "<script>alert(1)</script>", look: "" }]);
  });

  test("a sequence that is cut off does not survive", () => {
    const text = cleaned(`done ${ESC}[3`);
    expect(withoutColours(text)).not.toContain(ESC);
    expect(piecesOf(text).some((piece) => piece.text.includes(ESC))).toBe(false);
  });
});
