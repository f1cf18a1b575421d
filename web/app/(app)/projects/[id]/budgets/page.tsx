import type { Metadata } from "next";
import { BudgetsView } from "../../../../../features/projects/BudgetsView.tsx";

export const metadata: Metadata = { title: "Budgets" };

export default function BudgetsPage() {
  return <BudgetsView />;
}
