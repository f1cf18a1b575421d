import { expect, type Page, test } from "@playwright/test";
import { openBoard } from "./people.ts";

/** local/linear's port follows the launcher's order: six after the dashboard's. */
const LINEAR_OFFSET = 5;

/** A person drags the ticket's card into Todo on Linear's own board. */
async function dragToTodo(page: Page, key: string): Promise<void> {
  const url = new URL(process.env.OMAKASE_URL ?? "");
  const ported = url.port === "3000" ? "4010" : String(Number(url.port) + LINEAR_OFFSET);
  const linear = await page.context().newPage();
  await linear.goto(`http://localhost:${ported}/`);
  await linear.getByRole("button", { name: /Dana/ }).click();
  await linear.waitForLoadState("load");
  const cardIn = (column: RegExp) =>
    linear
      .locator("section.column", { has: linear.getByRole("heading", { name: column }) })
      .locator(`li.card[data-identifier="${key}"]`);
  const todo = linear.locator("section.column", { has: linear.getByRole("heading", { name: /Todo/ }) });
  // The board replaces its cards when other tickets move: a drag may be lost to that, and a person would drag again. Where the card is
  // afterwards is not asked: Omakase may have moved it on to In Progress before we look.
  await expect(async () => {
    await cardIn(/Backlog/).dragTo(todo, { timeout: 5_000 });
    await expect(cardIn(/Backlog/)).toHaveCount(0, { timeout: 2_000 });
  }).toPass({ timeout: 30_000 });
  await linear.close();
}

test("a ticket dragged to Todo in Linear goes to its pull request on the board and in the statechart, without a reload", async ({
  page,
}) => {
  test.setTimeout(120_000);
  await openBoard(page, "dana");
  const chart = await page.context().newPage();
  await chart.goto(page.url());
  await chart
    .getByRole("article", { name: /^OMA-4 / })
    .getByRole("link")
    .first()
    .click();
  await chart.waitForURL(/\/features\/OMA-4/i);
  await chart.goto(`${chart.url().split("?")[0]}?tab=statechart`);
  const activeLeaf = (path: string) =>
    chart.locator(`[role="treeitem"][data-state-id="feature.work.${path}"]`).filter({ hasText: "active" });
  await expect(activeLeaf("pending")).toBeVisible();
  for (const tab of [page, chart]) await tab.evaluate(() => Object.assign(window, { notReloaded: true }));

  await dragToTodo(page, "OMA-4");

  const cardIn = (column: string) =>
    page.getByRole("region", { name: column, exact: true }).getByRole("article", { name: /^OMA-4 / });
  // The reviewer sends it back once: it is coded twice.
  for (const column of ["Architect", "Code", "Review", "Code", "Review", "Test"])
    await expect(cardIn(column)).toBeVisible({ timeout: 40_000 });
  await expect(activeLeaf("passing")).toBeVisible({ timeout: 40_000 });
  const card = page.getByRole("article", { name: /^OMA-4 / });
  await expect(card).toContainText(/#\d+/);
  for (const tab of [page, chart]) expect(await tab.evaluate(() => "notReloaded" in window)).toBe(true);
});

test("a viewer reads the same run and can do nothing to it", async ({ page }) => {
  await openBoard(page, "vic");
  await page
    .getByRole("article", { name: /^OMA-4 / })
    .getByRole("link")
    .first()
    .click();
  await page.waitForURL(/\/features\/OMA-4/i);
  await expect(page.getByRole("heading", { name: /Split a bill among guests/ })).toBeVisible();
  for (const button of await page.getByRole("button", { name: /^(Pause|Retry|Cancel|Start|Resume|Approve)/ }).all()) {
    await expect(button).toHaveAttribute("aria-disabled", "true");
  }
});
