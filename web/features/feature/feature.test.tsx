import { describe, expect, test } from "bun:test";
import { render } from "@testing-library/react";
import { ContextTree } from "./ContextTree.tsx";
import { Markdown } from "./Markdown.tsx";

describe("a stranger's Markdown", () => {
  const setup = (text: string) => render(<Markdown text={text} />).container;

  test("brings no HTML, no picture and no script", () => {
    const page = setup(
      '<img src=x onerror=alert(1)> <script>alert(1)</script>\n\n![cat](https://evil.example/cat.png)\n\n<a href="x">y</a>',
    );
    expect(page.querySelector("img, script, a, iframe, style")).toBeNull();
    expect(page.textContent).toContain("[picture: cat]");
  });

  test("links lead to pages only, and tell them nothing", () => {
    const page = setup("[bad](javascript:alert(1)) [worse](data:text/html,x) [good](https://example.com)");
    const addresses = [...page.querySelectorAll("a")].map((link) => link.getAttribute("href"));
    expect(addresses.filter((href) => href?.startsWith("javascript:") || href?.startsWith("data:"))).toEqual([]);
    const good = page.querySelector('a[href="https://example.com"]');
    expect(good?.getAttribute("rel")).toContain("noreferrer");
  });

  test("an item of a task list is a fact, not a control", () => {
    const page = setup("- [x] one\n- [ ] two");
    expect(page.querySelector("input")).toBeNull();
    expect([...page.querySelectorAll("[role=img]")].map((icon) => icon.getAttribute("aria-label"))).toEqual(["Done:", "Open:"]);
  });

  test("makes no heading that would stand in the page's own order", () => {
    expect(setup("# Top\n\n## Second").querySelector("h1, h2")).toBeNull();
  });
});

describe("an actor's context", () => {
  test("hides a field that sounds like a secret, at any depth", () => {
    const { container } = render(<ContextTree label="Context" value={{ deep: { accessToken: "s3cret", attempt: 2 } }} />);
    expect(container.textContent).not.toContain("s3cret");
    expect(container.textContent).toContain("attempt");
  });

  test("says when there is nothing", () => {
    const { getByText } = render(<ContextTree label="Context" value={null} />);
    expect(getByText("It keeps nothing.")).toBeDefined();
  });
});
