import type { Metadata } from "next";
import { FeatureView } from "../../../../../../features/feature/FeatureView.tsx";

interface Props {
  params: Promise<{ key: string }>;
}

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: decodeURIComponent((await params).key) };
}

export default async function FeaturePage({ params }: Props) {
  return <FeatureView featureKey={decodeURIComponent((await params).key)} />;
}
