"use client";
// The project whose pages are shown, for everything below ProjectFrame.

import { createContext, use } from "react";
import type { ProjectDetails } from "../../lib/api.ts";

export const ProjectContext = createContext<ProjectDetails | null>(null);

/** The project with its limits and the person's `role` in it; live. */
export function useProject(): ProjectDetails {
  const project = use(ProjectContext);
  if (project === null) throw new Error("useProject is for pages below ProjectFrame");
  return project;
}

/**
 * Where a project's pages are: by its slug, or by its address when the page was opened by that.
 * @param id the project's slug or address @param rest "/features/OMA-1"
 */
export const projectPath = (id: string, rest = ""): string => `/projects/${encodeURIComponent(id)}${rest}`;
