import { expect, test } from "@playwright/test";
import { openBoard } from "./people.ts";

test("a developer starts a feature from its card; the card says so at once and moves by itself", async ({ page }) => {
  await openBoard(page, "dana");
  const card = page.getByRole("article", { name: /^OMA-1 / });
  await expect(card).toContainText("Not started");
  await page.getByRole("button", { name: "Actions for OMA-1" }).click();
  await page.getByRole("menuitem", { name: "Start", exact: true }).click();
  await expect(card).not.toContainText("Not started");
});

test("a question before a cancel can be left with nothing done, and the focus comes back", async ({ page }) => {
  await openBoard(page, "dana");
  const opener = page.getByRole("button", { name: "Actions for OMA-2" });
  await opener.click();
  await page.getByRole("menuitem", { name: "Cancel feature" }).click();
  await page.getByRole("button", { name: "Keep the feature" }).click();
  await expect(opener).toBeFocused();
  await expect(page.getByRole("article", { name: /^OMA-2 / })).toContainText("Not started");
});

test("pausing the project turns its button into resume, and back", async ({ page }) => {
  await openBoard(page, "ada");
  await page.getByRole("button", { name: "Pause after this stage", exact: true }).click();
  await page.getByRole("button", { name: "Resume", exact: true }).click();
  await expect(page.getByRole("button", { name: "Pause after this stage", exact: true })).toBeVisible();
});

test("a viewer sees every card and can use no command, and is told why", async ({ page }) => {
  await openBoard(page, "vic");
  await expect(page.getByRole("article")).toHaveCount(5);
  await page.getByRole("button", { name: "Actions for OMA-2" }).click();
  const items = page.getByRole("menuitem");
  await expect(items.first()).toBeVisible();
  for (const item of await items.all()) await expect(item).toHaveAttribute("aria-disabled", "true");
  await expect(page.getByText("You are a viewer here.")).toBeVisible();
});

test("the filter lives in the address: another browser opens the same board", async ({ page, browser }) => {
  await openBoard(page, "dana");
  await page.getByRole("searchbox").fill("oma-3");
  await expect(page).toHaveURL(/\?q=oma-3$/);
  const other = await browser.newPage();
  await openBoard(other, "vic");
  await other.goto(page.url());
  await expect(other.getByRole("article")).toHaveCount(1);
  await other.close();
});
