// The frame and the look of every page: the product's paper, ink, thick borders and hard shadows. No script, nothing from elsewhere.
import { createHash } from "node:crypto";
import { LOCAL_USER } from "../world.ts";
import { Html, html } from "./html.ts";

const STYLE = `
:root { --paper: #FFF8E7; --ink: #111; --card: #fff; --add: #d9f7dc; --del: #ffdcd8; --hunk: #e4e9ff; --good: #7bd88f; --bad: #ff8a7a; --wait: #ffd66b; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 1100px; margin: 0 auto; padding: 24px; }
header { border-bottom: 2px solid var(--ink); background: var(--card); padding: 12px 24px; display: flex; gap: 16px; justify-content: space-between; flex-wrap: wrap; }
a { color: inherit; } h1 { line-height: 1.2; margin: 0 0 8px; overflow-wrap: anywhere; } h2 { margin: 32px 0 12px; }
.card { background: var(--card); border: 2px solid var(--ink); box-shadow: 4px 4px 0 var(--ink); padding: 16px; margin: 0 0 16px; overflow-wrap: anywhere; }
.card h3 { margin: 0 0 8px; font-size: 16px; } .text { white-space: pre-wrap; } .quiet { opacity: .7; }
.tag { display: inline-block; border: 2px solid var(--ink); padding: 0 8px; font-weight: 700; background: var(--card); }
.open, .success, .APPROVED { background: var(--good); } .closed, .failure, .error, .CHANGES_REQUESTED { background: var(--bad); }
.merged { background: #c7a6ff; } .draft, .pending, .in_progress, .queued { background: var(--wait); }
ul.plain { list-style: none; margin: 0; padding: 0; } ul.plain li { padding: 6px 0; border-bottom: 1px solid #ddd; } ul.plain li:last-child { border: 0; }
code, pre, .diff { font: 13px/1.5 ui-monospace, monospace; } pre { overflow-x: auto; margin: 0; }
.diff { width: 100%; border-collapse: collapse; } .diff td { padding: 0 8px; white-space: pre-wrap; overflow-wrap: anywhere; vertical-align: top; }
.diff .n { width: 1%; min-width: 44px; text-align: right; opacity: .6; user-select: none; white-space: nowrap; }
.diff .added { background: var(--add); } .diff .removed { background: var(--del); } .diff .hunk { background: var(--hunk); }
textarea { width: 100%; min-height: 90px; border: 2px solid var(--ink); padding: 8px; font: inherit; background: var(--paper); }
button { font: inherit; font-weight: 700; border: 2px solid var(--ink); box-shadow: 4px 4px 0 var(--ink); background: var(--card); padding: 6px 14px; margin: 8px 8px 4px 0; cursor: pointer; }
button:active { transform: translate(4px, 4px); box-shadow: none; } button:focus-visible, a:focus-visible, textarea:focus-visible { outline: 3px solid #2b59ff; outline-offset: 2px; }
`;

const STYLE_HASH = createHash("sha256").update(STYLE).digest("base64");

/** A whole page. The policy lets nothing run, nothing load, and nobody frame it. */
export function pageResponse(
  title: string,
  crumbs: readonly Html[],
  content: Html,
  options: { status?: number; headers?: Readonly<Record<string, string>> } = {},
): Response {
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title><style>${new Html(STYLE)}</style></head>
<body><header><nav aria-label="Where you are"><a href="/"><b>local GitHub</b></a>${crumbs.map((crumb) => html` / ${crumb}`)}</nav>
<span>acting as <b>${LOCAL_USER}</b></span></header><main>${content}</main></body></html>`;
  return new Response(page.text, {
    status: options.status ?? 200,
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
      "referrer-policy": "same-origin",
      "cache-control": "no-store",
      ...options.headers,
    },
  });
}

/** The start of a commit id, as people read it. */
export const shortSha = (sha: string) => html`<code>${sha.slice(0, 7)}</code>`;
