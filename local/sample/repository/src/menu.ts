// The dishes this kitchen cooks.
import { type Yen, yen } from "./money.ts";

export interface Dish {
  readonly id: string;
  readonly name: string;
  readonly price: Yen;
}

export const MENU: readonly Dish[] = [
  { id: "miso", name: "Miso soup", price: yen(280) },
  { id: "gyoza", name: "Gyoza", price: yen(520) },
  { id: "ramen", name: "Shoyu ramen", price: yen(980) },
  { id: "unagi", name: "Unagi bowl", price: yen(3_400) },
  { id: "matcha", name: "Matcha ice cream", price: yen(454) },
];

/** Finds a dish by its id. @throws {Error} when the kitchen does not cook it */
export function dish(id: string): Dish {
  const found = MENU.find((candidate) => candidate.id === id);
  if (!found) throw new Error(`There is no dish "${id}": pick one of ${MENU.map((candidate) => candidate.id).join(", ")}.`);
  return found;
}
