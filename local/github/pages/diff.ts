// A unified diff, coloured, with both line numbers, and remarks below the lines they are about.
import { type FileChange, patchLines } from "../git/diff.ts";
import type { ReviewComment } from "../store/reviews.ts";
import { type Html, html } from "./html.ts";

/** More lines than this are not drawn: the browser would suffer and nobody reads them here. */
const MAX_DRAWN_LINES = 5_000;

export interface DrawnRemark extends ReviewComment {
  readonly author: string;
}

export function diffView(files: readonly FileChange[], remarks: readonly DrawnRemark[] = []): Html {
  if (files.length === 0) return html`<p class="quiet">Nothing changed.</p>`;
  return html`${files.map((file) =>
    fileView(
      file,
      remarks.filter((remark) => remark.path === file.path),
    ),
  )}`;
}

function fileView(file: FileChange, remarks: readonly DrawnRemark[]): Html {
  const name = file.previousPath === null ? file.path : `${file.previousPath} → ${file.path}`;
  return html`<section class="card" aria-label="${file.path}"><h3><code>${name}</code> <span class="tag">${file.status}</span> +${file.additions} −${file.deletions}</h3>${patchView(file.patch, remarks)}</section>`;
}

function patchView(patch: string | null, remarks: readonly DrawnRemark[]): Html {
  if (patch === null) return html`<p class="quiet">Binary, unchanged in content, or too large to show.</p>`;
  const lines = patchLines(patch);
  const rows = lines.slice(0, MAX_DRAWN_LINES).map((line) => {
    const about = remarks.filter((remark) => remark.line === (remark.side === "LEFT" ? line.oldLine : line.newLine));
    return html`<tr class="${line.kind}"><td class="n">${line.oldLine}</td><td class="n">${line.newLine}</td><td>${line.text}</td></tr>${about.map(remarkRow)}`;
  });
  const rest = lines.length > MAX_DRAWN_LINES ? html`<p class="quiet">${lines.length - MAX_DRAWN_LINES} more lines.</p>` : null;
  return html`<table class="diff"><tbody>${rows}</tbody></table>${rest}`;
}

const remarkRow = (remark: DrawnRemark) =>
  html`<tr><td></td><td></td><td><div class="card"><h3>${remark.author}</h3><div class="text">${remark.body}</div></div></td></tr>`;
