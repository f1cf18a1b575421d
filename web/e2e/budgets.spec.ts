import AxeBuilder from "@axe-core/playwright";
import { expect, type Page, test } from "@playwright/test";
import { openBoard } from "./people.ts";

/** The ticket nobody else starts here. */
const KEY = "OMA-5";

async function setMonth(page: Page, usd: string) {
  await page.getByRole("link", { name: "Budgets" }).click();
  const form = page.getByRole("form", { name: "Limits in dollars" });
  await form.getByLabel("This project, a month").fill(usd);
  await form.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Saved. Whoever waited for budget tries again.")).toBeVisible();
}

async function openFeature(page: Page) {
  const [project] = /^.*\/projects\/[^/?]+/.exec(page.url()) ?? [];
  await page.goto(`${project}/features/${KEY}`);
  await page.getByRole("heading", { level: 2, name: new RegExp(KEY) }).waitFor();
}

test("an admin sees every reason at once while nothing may run, and lifting them lets the feature go on", async ({
  page,
}, info) => {
  await openBoard(page, "ada");
  await setMonth(page, "1");
  await openFeature(page);
  await page.getByRole("button", { name: "Start", exact: true }).click();
  const reasons = page.getByRole("list", { name: "Reasons" });
  await expect(reasons.getByText(/The project's budget for .* has no room: .* of \$1\.00; a run reserves \$5\.00/)).toBeVisible();

  await page.getByRole("button", { name: "Emergency stop" }).click();
  const question = page.getByRole("alertdialog");
  await expect(question.getByRole("button", { name: "Stop everything" })).toHaveAttribute("aria-disabled", "true");
  await question.getByLabel(/Reason/).fill("a key leaked");
  await question.getByRole("button", { name: "Stop everything" }).click();
  await expect(reasons.getByText(/Emergency stop: .* by .*: a key leaked/)).toBeVisible();
  const { violations } = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]).analyze();
  expect(violations.map(({ id }) => id)).toEqual([]);
  await page.screenshot({ path: info.outputPath("reasons.png"), fullPage: true });

  await page.getByRole("button", { name: "Resume", exact: true }).first().click();
  await expect(reasons.getByText(/Emergency stop/)).toHaveCount(0);
  await setMonth(page, "1000");
  await openFeature(page);
  await expect(page.getByText(/has no room/)).toHaveCount(0);
  await expect(page.getByText(/^Stage: /)).toBeVisible();
});
