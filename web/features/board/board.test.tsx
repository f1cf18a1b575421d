import { afterAll, describe, expect, test } from "bun:test";
import { CATEGORIES, COLUMNS } from "@omakase/machines/view";
import { fireEvent, render, screen, within } from "@testing-library/react";
import { ConvexProvider, ConvexReactClient } from "convex/react";
import { CATEGORY_LOOK } from "../../elements/category.tsx";
import { HintProvider } from "../../elements/Hint.tsx";
import type { FeatureCard, MembershipRole } from "../../lib/api.ts";
import { AsksProvider } from "../actions/Asks.tsx";
import { Board } from "./Board.tsx";
import { byColumn, COLUMN_LOOK, medianAgeMs } from "./columns.ts";
import { aCard } from "./feature-card.testing.ts";
import { matches } from "./filter.ts";
import { stageMarks } from "./stages.ts";

/** Nobody listens at its address: a board needs a connection to act, not to draw. */
const client = new ConvexReactClient("http://127.0.0.1:9", { logger: false });
afterAll(() => client.close());

const draw = (cards: readonly FeatureCard[], role: MembershipRole = "developer") =>
  render(
    <ConvexProvider client={client}>
      <HintProvider>
        <AsksProvider>
          <Board cards={cards} cut={["done"]} role={role} hrefOf={({ key }) => `/projects/sample/features/${key}`} />
        </AsksProvider>
      </HintProvider>
    </ConvexProvider>,
  );

describe("the board", () => {
  test.each([...CATEGORIES])("shows a feature that is %s, with its state in words and a link to its page", (category) => {
    draw([aCard({ category, label: `State ${category}` })]);
    const card = screen.getByRole("article", { name: `OMA-1 Round prices, State ${category}` });
    expect(within(card).getByText(`State ${category}`)).toBeTruthy();
    expect(within(card).getByRole("link", { name: "Round prices" }).getAttribute("href")).toBe("/projects/sample/features/OMA-1");
    expect(within(card).getByRole("button", { name: "Actions for OMA-1" })).toBeTruthy();
  });

  test.each([...COLUMNS])("no feature disappears: one in column %s is drawn exactly once", (column) => {
    const { container } = draw([aCard({ column })]);
    expect(container.querySelectorAll("article")).toHaveLength(1);
  });

  test("failed and cancelled fold to a rail; the other columns stand side by side with their counts", () => {
    const { container } = draw([aCard({ column: "failed", category: "failed" })]);
    expect([...container.querySelectorAll("summary")].map(({ textContent }) => textContent?.trim())).toEqual([
      "Failed 1",
      "Cancelled 0",
    ]);
    const board = screen.getByRole("region", { name: "Board" });
    expect(within(board).getAllByRole("heading", { level: 2 })).toHaveLength(COLUMNS.length - 2);
  });

  test("a column that has more than it shows says so", () => {
    draw([aCard({ column: "done", category: "done" })]);
    expect(screen.getByRole("heading", { name: /^Done/ }).textContent).toBe("Done 1+");
  });

  test("a long column draws its first 25 and offers the rest", () => {
    const cards = Array.from({ length: 60 }, (_, index) => aCard({ key: `OMA-${index + 1}` }));
    const { container } = draw(cards);
    expect(container.querySelectorAll("article")).toHaveLength(25);
    fireEvent.click(screen.getByRole("button", { name: "25 more of 60" }));
    fireEvent.click(screen.getByRole("button", { name: "10 more of 60" }));
    expect(container.querySelectorAll("article")).toHaveLength(60);
  });

  test("a link that is not of the web is not drawn", () => {
    draw([aCard({ url: "javascript:alert(1)", pullRequest: { number: 4, url: "https://github.com/o/r/pull/4" } })]);
    const hrefs = screen.getAllByRole("link").map((link) => link.getAttribute("href") ?? "");
    expect(hrefs.filter((href) => href.startsWith("javascript:"))).toEqual([]);
    expect(hrefs).toContain("https://github.com/o/r/pull/4");
  });

  test("what a feature waits for, and why it failed, stand on its card", () => {
    draw([
      aCard({ key: "OMA-2", reasons: [{ kind: "dependency", text: "Waits for OMA-9" }] }),
      aCard({ key: "OMA-3", failure: "The tests still fail" }),
    ]);
    expect(screen.getByText("Waits for OMA-9")).toBeTruthy();
    expect(screen.getByText("The tests still fail")).toBeTruthy();
  });
});

describe("the board's tables", () => {
  test("every column and every category has words of its own", () => {
    expect(new Set(COLUMNS.map((column) => COLUMN_LOOK[column].title)).size).toBe(COLUMNS.length);
    expect(new Set(CATEGORIES.map((category) => CATEGORY_LOOK[category].word)).size).toBe(CATEGORIES.length);
    expect(new Set(CATEGORIES.map((category) => CATEGORY_LOOK[category].icon)).size).toBe(CATEGORIES.length);
  });

  test("whoever waits longest stands first, except in the columns at rest", () => {
    const cards = [aCard({ key: "OMA-1", stateSince: 20 }), aCard({ key: "OMA-2", stateSince: 10 })];
    const keys = (column: FeatureCard["column"]) =>
      byColumn(cards.map((card) => ({ ...card, column })))
        .get(column)
        ?.map(({ key }) => key);
    expect(keys("code")).toEqual(["OMA-2", "OMA-1"]);
    expect(keys("done")).toEqual(["OMA-1", "OMA-2"]);
  });

  test("the median of three ages is the middle one, of none nothing", () => {
    const cards = [5, 100, 10].map((stateSince) => aCard({ stateSince }));
    expect(medianAgeMs(cards, 110)).toBe(100);
    expect(medianAgeMs([], 110)).toBeNull();
  });
});

describe("the filter", () => {
  const card = aCard({ key: "OMA-7", title: "Cache the hours", labels: ["Money"], branch: "agent/oma-7", category: "working" });
  test.each([
    ["oma-7", [], true],
    ["HOURS cache", [], true],
    ["money", [], true],
    ["agent/oma", [], true],
    ["hours tea", [], false],
    ["", ["working", "failed"], true],
    ["", ["failed"], false],
  ] as const)("%p with %p shows it: %p", (text, categories, isShown) => {
    expect(matches({ text, categories }, card)).toBe(isShown);
  });
});

describe("the four stage marks", () => {
  test.each([
    ["architect.working", "architect", "working", "now ahead ahead ahead"],
    ["coder.working", "coder", "working", "done now ahead ahead"],
    ["coder.working", "coder", "paused", "done next ahead ahead"],
    ["reviewer.requesting", "reviewer", "ready", "done done next ahead"],
    ["tester.working", "tester", "working", "done done done now"],
    ["approval", null, "needsYou", "done next ahead ahead"],
    ["publishing", null, "working", "done done done done"],
    ["merged", null, "done", "done done done done"],
    ["closed", null, "done", "ahead ahead ahead ahead"],
    ["pending", null, "queued", "ahead ahead ahead ahead"],
  ] as const)("%s (%p, %s) reads %s", (state, stage, category, words) => {
    const marks = stageMarks({ state, stage, category, column: "code" });
    expect([marks.architect, marks.coder, marks.reviewer, marks.tester].join(" ")).toBe(words);
  });

  test("a feature that stopped does not claim to know where", () => {
    expect(stageMarks({ state: "failing", stage: null, category: "failed", column: "failed" }).coder).toBe("unknown");
  });
});
