import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const css = readFileSync(join(import.meta.dir, "../app/globals.css"), "utf8");

/** The custom properties of the first rule with this selector. */
function tokensOf(selector: string): Record<string, string> {
  const start = css.indexOf(`${selector} {`);
  if (start < 0) throw new Error(`globals.css has no rule for ${selector}`);
  const block = css.slice(start, css.indexOf("\n}", start));
  return Object.fromEntries([...block.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, name, value]) => [name, value]));
}

/** WCAG 2.2's relative luminance. */
function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const channel = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(one: string | undefined, other: string | undefined): number {
  if (!one || !other) throw new Error("a token is missing");
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

const fills = tokensOf("@theme");
const THEMES = { light: tokensOf(":root"), dark: tokensOf('[data-theme="dark"]') };
const FILL_NAMES = ["tomato", "mango", "lime", "mint", "sky", "violet", "pink", "danger", "stone"];

describe("the contrast of the tokens", () => {
  test.each(FILL_NAMES)("ink on %s reaches 4.5", (name) => {
    expect(contrast(fills["color-ink"], fills[`color-${name}`])).toBeGreaterThanOrEqual(4.5);
  });

  for (const [theme, tokens] of Object.entries(THEMES)) {
    for (const ground of ["paper", "panel"]) {
      test(`${theme}: text and muted text on ${ground} reach 4.5`, () => {
        expect(contrast(tokens.text, tokens[ground])).toBeGreaterThanOrEqual(7);
        expect(contrast(tokens.muted, tokens[ground])).toBeGreaterThanOrEqual(4.5);
      });
      test(`${theme}: lines and the focus ring on ${ground} reach 3`, () => {
        expect(contrast(tokens.line, tokens[ground])).toBeGreaterThanOrEqual(3);
        expect(contrast(tokens.focus, tokens[ground])).toBeGreaterThanOrEqual(3);
      });
    }
  }
});
