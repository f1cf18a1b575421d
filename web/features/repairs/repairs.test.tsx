import { expect, test } from "bun:test";
import { render, screen } from "@testing-library/react";
import { type Repair, RepairList } from "./RepairList.tsx";

const aRepair = (over: Partial<Repair> = {}): Repair => ({
  ...{
    farSide: "ecs",
    kind: "orphanStopped",
    subject: "arn:1",
    actor: null,
    what: "A task was stopped",
    at: Date.now() - 60_000,
  },
  ...over,
});

test("repairs are told in words with their far side, newest first as they come; older ones can be asked for", () => {
  let asked = 0;
  const repairs = [aRepair(), aRepair({ farSide: "github", what: "A pull request was merged", subject: "a/b#1" })];
  render(<RepairList repairs={repairs} onOlder={() => asked++} />);
  expect(screen.getAllByRole("listitem").map(({ textContent }) => textContent)).toEqual([
    expect.stringContaining("ECSA task was stopped"),
    expect.stringContaining("GitHubA pull request was merged"),
  ]);
  screen.getByRole("button", { name: "Older ones" }).click();
  expect(asked).toBe(1);
});

test("a project that needed no repair shows no list", () => {
  const { container } = render(<RepairList repairs={[]} onOlder={null} />);
  expect(container.textContent).toBe("");
});
