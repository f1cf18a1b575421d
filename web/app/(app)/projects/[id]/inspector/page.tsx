import type { Metadata } from "next";
import { InspectorView } from "../../../../../features/inspector/InspectorView.tsx";

export const metadata: Metadata = { title: "Inspector" };

export default function InspectorPage() {
  return <InspectorView />;
}
