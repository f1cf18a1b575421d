import type { Metadata } from "next";
import { ActorView } from "../../../../../../features/feature/ActorView.tsx";

interface Props {
  params: Promise<{ address: string[] }>;
}

const addressOf = async ({ params }: Props): Promise<string> => (await params).address.map(decodeURIComponent).join("/");

export async function generateMetadata(props: Props): Promise<Metadata> {
  return { title: `Actor ${await addressOf(props)}` };
}

export default async function ActorPage(props: Props) {
  return <ActorView address={await addressOf(props)} />;
}
