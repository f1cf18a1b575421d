import type { Metadata } from "next";
import { BoardView } from "../../../../features/board/BoardView.tsx";

export const metadata: Metadata = { title: "Board" };

export default function BoardPage() {
  return <BoardView />;
}
