// Amounts of money: whole yen, never negative.

declare const brand: unique symbol;

/** A whole, non-negative number of yen. */
export type Yen = number & { readonly [brand]: "Yen" };

/** Makes an amount. @throws {RangeError} when it is not a whole number of yen, zero or more */
export function yen(amount: number): Yen {
  if (!Number.isSafeInteger(amount) || amount < 0)
    throw new RangeError(`${amount} is not an amount: give whole yen, zero or more.`);
  return amount as Yen;
}

/** Writes an amount the way the menu does: `¥1,234`. */
export function formatYen(amount: Yen): string {
  return `¥${String(amount).replace(/\B(?=(\d{3})+$)/g, ",")}`;
}
