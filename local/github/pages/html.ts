// HTML as a tagged template: what is put in is escaped, unless it is HTML made here already.

/** Text that is safe to send: made by `html`, never by hand. */
export class Html {
  constructor(readonly text: string) {}
}

type Piece = Html | string | number | null | readonly Piece[];

export function html(literals: TemplateStringsArray, ...pieces: readonly Piece[]): Html {
  return new Html(
    literals.map((literal, index) => literal + (index < pieces.length ? rendered(pieces[index] ?? null) : "")).join(""),
  );
}

function rendered(piece: Piece): string {
  if (piece === null) return "";
  if (piece instanceof Html) return piece.text;
  if (typeof piece === "string" || typeof piece === "number") return Bun.escapeHTML(piece);
  return piece.map(rendered).join("");
}
