import type { Metadata } from "next";
import { BoardView } from "../../../../features/board/BoardView.tsx";
import { RepairsView } from "../../../../features/repairs/RepairsView.tsx";

export const metadata: Metadata = { title: "Board" };

export default function BoardPage() {
  return (
    <>
      <BoardView />
      <RepairsView />
    </>
  );
}
