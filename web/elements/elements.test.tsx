import { describe, expect, test } from "bun:test";
import type { Mood } from "@omakase/machines/view";
import { fireEvent, render, screen } from "@testing-library/react";
import { useState } from "react";
import { formatCost, formatDuration } from "./duration.ts";
import { HintProvider } from "./Hint.tsx";
import { Mascot } from "./mascot/Mascot.tsx";
import { MOOD_WORDS } from "./mascot/moods.tsx";
import { SPECIES, type Species } from "./mascot/species.tsx";
import { PanelBoundary } from "./PanelBoundary.tsx";

describe("a mascot", () => {
  const species = Object.keys(SPECIES) as Species[];
  const moods = Object.keys(MOOD_WORDS) as Mood[];

  test.each(species)("%s tells name, role and mood in words, in every mood", (one) => {
    for (const mood of moods) {
      const { unmount } = render(<Mascot species={one} mood={mood} />);
      const { name, role } = SPECIES[one];
      expect(screen.getByRole("img", { name: `${name}, ${role.toLowerCase()}, ${MOOD_WORDS[mood]}` })).toBeTruthy();
      unmount();
    }
  });

  test.each(species)("%s looks different in every mood", (one) => {
    const drawings = moods.map((mood) => {
      const { container, unmount } = render(<Mascot species={one} mood={mood} isDecorative />);
      const drawing = container.querySelector("svg")?.innerHTML;
      unmount();
      return drawing;
    });
    expect(new Set(drawings).size).toBe(moods.length);
  });

  test("beside words it stays out of a screen reader's way", () => {
    render(<Mascot species="coder" mood="idle" isDecorative />);
    expect(screen.queryByRole("img")).toBeNull();
  });
});

describe("a length of time", () => {
  test.each([
    [-5, "0s"],
    [999, "0s"],
    [61_000, "1m 1s"],
    [252_000, "4m 12s"],
    [3_600_000, "1h"],
    [100_000_000, "1d 3h"],
  ])("%p ms reads %s", (ms, words) => {
    expect(formatDuration(ms)).toBe(words);
  });

  test("a cost of less than a cent is not nothing", () => {
    expect([0, 0.004, 1.5].map(formatCost)).toEqual(["$0.00", "<$0.01", "$1.50"]);
  });
});

function Panel({ isBroken }: { isBroken: boolean }) {
  if (isBroken) throw new Error("[Request ID: q1] Server Error");
  return <p>fine again</p>;
}
function Page() {
  const [isBroken, setBroken] = useState(true);
  return (
    <HintProvider>
      <button type="button" onClick={() => setBroken(false)}>
        mend
      </button>
      <PanelBoundary what="The board">
        <Panel isBroken={isBroken} />
      </PanelBoundary>
    </HintProvider>
  );
}

describe("a panel's boundary", () => {
  test("breaks alone, with an id to quote, and can be tried again", () => {
    const { error } = console;
    console.error = () => {}; // React reports every caught error
    render(<Page />);
    console.error = error;
    expect(screen.getByRole("alert").textContent).toContain("The board cannot be shown");
    expect(screen.getByText("q1")).toBeTruthy();
    fireEvent.click(screen.getByRole("button", { name: "mend" }));
    fireEvent.click(screen.getByRole("button", { name: "Try again" }));
    expect(screen.getByText("fine again")).toBeTruthy();
  });
});
