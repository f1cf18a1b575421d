import { expect, test } from "@playwright/test";
import { signIn } from "./people.ts";

test("a signed-in page is for nobody else; signing in leads back to it, signing out closes it again", async ({
  page,
  context,
}) => {
  await page.goto("/projects/sample?q=oma-1");
  expect(new URL(page.url()).origin).not.toBe(process.env.OMAKASE_URL);
  await page.locator('form:has(input[value="dana@omakase.local"]) button').first().click();
  await expect(page).toHaveURL(/\/projects\/sample\?q=oma-1$/);
  await expect(page.getByRole("article")).toHaveCount(1);

  await page.getByRole("button", { name: /account and theme/ }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await expect(page.getByRole("heading", { name: /Tickets in/ })).toBeVisible();
  const answer = await context.request.get("/projects", { maxRedirects: 0 });
  expect(answer.status()).toBe(307);
});

test("the session cookie keeps its attributes when the access token is refreshed", async ({ page, context }) => {
  await signIn(page, "dana");
  const status = await page.evaluate(async () => (await fetch("/api/token?refresh=1", { method: "POST" })).status);
  expect(status).toBe(200);
  const session = (await context.cookies()).filter(({ name }) => name.startsWith("__session"));
  expect(session.length).toBeGreaterThan(0);
  for (const cookie of session) expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Lax" });
});

test("nobody without a session gets a token, and no other site's page may ask for one", async ({ request }) => {
  expect((await request.post("/api/token")).status()).toBe(401);
});
