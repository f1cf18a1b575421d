// The five tickets of the sample organisation, in the order they are created. Their keys follow from that order in an empty team,
// and local/model plays them by key. What each must satisfy is `repository/acceptance/<key>.ts`.

export interface SampleTicket {
  readonly key: string;
  /** A UUID v4 of ours: creating the ticket twice is a conflict, not a second ticket. */
  readonly id: string;
  readonly title: string;
  /** Markdown. */
  readonly description: string;
  /** Linear's: 1 urgent, 2 high, 3 medium, 4 low. */
  readonly priority: 1 | 2 | 3 | 4;
  /** Names of labels; a label the team does not have is made. */
  readonly labels: readonly string[];
  /** Keys of the tickets that wait for this one. */
  readonly blocks: readonly string[];
}

export const SAMPLE_TICKETS: readonly SampleTicket[] = [
  {
    key: "OMA-1",
    id: "4f6d616b-6173-4500-8000-000000000001",
    title: "Print a receipt for an order",
    description: describe(
      "A table that has eaten wants to see what it pays for. `src/receipt.ts` should export `receipt(order)`, which gives back the receipt as text.",
      [
        "The first line names the order and the table: `Order 7, table 4`.",
        "Then one line a dish, in the order they were asked for: `2 x Shoyu ramen  ¥1,960`.",
        "The last line is the total: `Total  ¥2,414`.",
      ],
      "oma-1",
    ),
    priority: 2,
    labels: ["Feature"],
    blocks: [],
  },
  {
    key: "OMA-2",
    id: "4f6d616b-6173-4500-8000-000000000002",
    title: "Know how many portions of each dish are left",
    description: describe(
      "The kitchen buys for a certain number of portions a day. `src/stock.ts` should export a class `Stock` that keeps count.",
      [
        "`new Stock({ ramen: 3 })` starts the day; a dish that is not on the menu is refused.",
        "`left(dishId)` is what can still be had, 0 for a dish nobody counted.",
        "`take(dishId, portions)` takes them. When there are not enough it refuses, says how many are left, and takes nothing.",
      ],
      "oma-2",
    ),
    priority: 2,
    labels: ["Feature"],
    blocks: ["OMA-3"],
  },
  {
    key: "OMA-3",
    id: "4f6d616b-6173-4500-8000-000000000003",
    title: "Refuse an order the kitchen cannot cook",
    description: describe(
      "With the stock of OMA-2 in place, the order book should use it: `new OrderBook(stock)`.",
      [
        "Placing an order takes its portions from the stock.",
        "An order that asks for more than is left is refused: no number is used up, and nothing is taken from the stock.",
        "Two lines of the same dish count together.",
        "`new OrderBook()` without a stock works as before.",
      ],
      "oma-3",
    ),
    priority: 3,
    labels: ["Feature"],
    blocks: [],
  },
  {
    key: "OMA-4",
    id: "4f6d616b-6173-4500-8000-000000000004",
    title: "Split a bill among guests",
    description: describe(
      "Guests like to pay for themselves. `src/split.ts` should export `splitBill(order, guests)`, which gives back what each guest pays.",
      [
        "Everyone pays the same when the bill can be divided.",
        "**The shares always add up to the bill, to the yen**: nothing is lost, nothing made up.",
        "Anything but a whole number of guests, one or more, is refused.",
      ],
      "oma-4",
      "The acceptance tests only divide evenly; the rule in bold holds for every number of guests.",
    ),
    priority: 3,
    labels: ["Feature"],
    blocks: [],
  },
  {
    key: "OMA-5",
    id: "4f6d616b-6173-4500-8000-000000000005",
    title: "Totals that need no small coins",
    description: describe(
      "We want to stop handling coins of one and five yen. `src/tidy.ts` should export `tidyTotal(order)`.",
      ["The tidy total can be paid in coins of ten yen.", "It is, to the yen, what the order costs."],
      "oma-5",
    ),
    priority: 4,
    labels: ["Feature"],
    blocks: [],
  },
];

function describe(why: string, acceptance: readonly string[], file: string, note?: string): string {
  return [
    why,
    "",
    "## Acceptance",
    "",
    ...acceptance.map((item) => `- [ ] ${item}`),
    "",
    `Done when \`bun test ./test ./acceptance/${file}.ts\` passes.${note === undefined ? "" : ` ${note}`}`,
  ].join("\n");
}
