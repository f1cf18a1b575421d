// A ticket's facts as a snapshot keeps them: strangers write tickets, so everything is bounded (P8).

import { cut } from "../text.ts";
import type { TicketFacts } from "./feature-events.ts";

const MAX_LABELS = 20;
const MAX_LABEL = 80;
const MAX_KEY = 40;

/** The same facts, bounded: texts cut, at most 20 labels. Safe to repeat. */
export const cutTicket = (ticket: TicketFacts): TicketFacts => ({
  issueId: cut(ticket.issueId, MAX_LABEL),
  key: cut(ticket.key, MAX_KEY),
  title: cut(ticket.title),
  url: cut(ticket.url),
  priority: ticket.priority,
  labels: ticket.labels.slice(0, MAX_LABELS).map((label) => cut(label, MAX_LABEL)),
  stateType: ticket.stateType,
  updatedAt: ticket.updatedAt,
});

/** Whether Linear holds the ticket to be dropped. A duplicate is. */
export const isDropped = ({ stateType }: TicketFacts): boolean => stateType === "canceled" || stateType === "duplicate";

/** Of two accounts of a ticket the one that is not older (F11). */
export const newer = (known: TicketFacts, told: TicketFacts): TicketFacts => (told.updatedAt >= known.updatedAt ? told : known);
