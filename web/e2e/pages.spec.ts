import AxeBuilder from "@axe-core/playwright";
import { type Browser, expect, type Page, test } from "@playwright/test";
import { openBoard, signIn } from "./people.ts";

const PAGES: Readonly<Record<string, (page: Page) => Promise<unknown>>> = {
  landing: (page) => page.goto("/"),
  projects: async (page) => {
    await signIn(page, "dana");
    await page.getByRole("list", { name: "Features by state" }).first().waitFor();
  },
  board: (page) => openBoard(page, "dana"),
  "a viewer's board": (page) => openBoard(page, "vic"),
  "an admin's budgets": async (page) => {
    await openBoard(page, "ada");
    await page.getByRole("link", { name: "Budgets" }).click();
    await page.getByRole("heading", { name: "Spent this month" }).waitFor();
  },
};

/** Everything the page asked of anybody but ourselves, Convex and the orchestrator (all on this machine), and every complaint. */
async function watched(browser: Browser, colorScheme: "light" | "dark", width: number) {
  const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 }, reducedMotion: "reduce" });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on("request", (request) => {
    const { hostname, protocol } = new URL(request.url());
    if (protocol.startsWith("http") && hostname !== "localhost") faults.push(`asked ${request.url()}`);
  });
  page.on("console", (message) => {
    if (message.type() === "error") faults.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => faults.push(`error: ${error.message}`));
  return { context, page, faults };
}

for (const [name, open] of Object.entries(PAGES)) {
  for (const colorScheme of ["light", "dark"] as const) {
    test(`${name}, ${colorScheme}: no accessibility violation, nothing from strangers, no complaint`, async ({ browser }) => {
      const { context, page, faults } = await watched(browser, colorScheme, 1280);
      await open(page);
      const { violations } = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]).analyze();
      expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(" | ")}`)).toEqual([]);
      expect(faults).toEqual([]);
      await context.close();
    });
  }

  test(`${name}: fits 320 px without scrolling the page sideways`, async ({ browser }) => {
    const { context, page } = await watched(browser, "light", 320);
    await open(page);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320);
    await context.close();
  });
}

test("the landing page says everything without JavaScript", async ({ browser }) => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto("/");
  await expect(page.getByRole("link", { name: "Sign in" }).first()).toBeVisible();
  await expect(page.getByRole("list", { name: /^Every state/ }).getByText("Not started")).toBeVisible();
  await context.close();
});
