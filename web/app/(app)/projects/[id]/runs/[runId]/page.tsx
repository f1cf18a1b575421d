import type { Metadata } from "next";
import { RunView } from "../../../../../../features/runs/RunView.tsx";

interface Props {
  params: Promise<{ runId: string }>;
}

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: `Run ${decodeURIComponent((await params).runId)}` };
}

export default async function RunPage({ params }: Props) {
  return <RunView id={decodeURIComponent((await params).runId)} />;
}
