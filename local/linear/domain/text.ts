// Bounds on what strangers write. Longer text is refused with a reason, never cut.
import { badArgument } from "../errors.ts";

const TITLE_CHARACTERS = 512;
/** Generous: a ticket with a log of a megabyte pasted into it is real. */
const BODY_CHARACTERS = 2_000_000;

/** @throws GraphQLError for an empty or too long title */
export function checkedTitle(title: string | null | undefined): string {
  const trimmed = title?.trim() ?? "";
  if (trimmed === "") throw badArgument("title must be longer than or equal to 1 characters.");
  if (trimmed.length > TITLE_CHARACTERS)
    throw badArgument(`title must be shorter than or equal to ${TITLE_CHARACTERS} characters.`);
  return trimmed;
}

/** @throws GraphQLError for a text that is too long. `field` names it in the message. */
export function checkedText(field: string, text: string): string {
  if (text.length > BODY_CHARACTERS)
    throw badArgument(`${field} must be shorter than or equal to ${BODY_CHARACTERS} characters.`);
  return text;
}

/** @throws GraphQLError unless `url` is an absolute http or https address */
export function checkedUrl(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol === "https:" || parsed?.protocol === "http:") return url;
  throw badArgument("url must be a URL address.");
}
