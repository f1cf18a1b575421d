// A project's frame: its header and navigation around each of its pages, and `useProject()` for them.

import type { ReactNode } from "react";
import { ProjectFrame } from "../../../../features/projects/ProjectFrame.tsx";

export default async function ProjectLayout({ params, children }: { params: Promise<{ id: string }>; children: ReactNode }) {
  const { id } = await params;
  return <ProjectFrame id={decodeURIComponent(id)}>{children}</ProjectFrame>;
}
