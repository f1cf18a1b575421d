// A framed piece of the page with the hard shadow.

import type { ComponentProps } from "react";
import { cx } from "./class-names.ts";

export function Card({ className, ...rest }: ComponentProps<"div">) {
  return <div {...rest} className={cx("rounded-card border-2 bg-panel p-4 lift", className)} />;
}
