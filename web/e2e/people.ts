// The local sample's three people, signing in as a person does: by a click on their name.

import type { Page } from "@playwright/test";

export type Person = "ada" | "dana" | "vic";

/** Ends on the list of projects. */
export async function signIn(page: Page, person: Person): Promise<void> {
  await page.goto("/projects");
  await page.locator(`form:has(input[value="${person}@omakase.local"]) button`).first().click();
  await page.getByRole("heading", { name: "Projects", level: 1 }).waitFor();
}

export async function openBoard(page: Page, person: Person): Promise<void> {
  await signIn(page, person);
  await page.getByRole("link", { name: "Sample kitchen" }).click();
  await page.getByRole("region", { name: "Board" }).waitFor();
}
