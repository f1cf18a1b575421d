"use client";
// A project's header and navigation around each of its pages.

import { useQuery } from "convex/react";
import { ChevronRight, Eye, GitBranch } from "lucide-react";
import Link from "next/link";
import { usePathname } from "next/navigation";
import type { ReactNode } from "react";
import { ButtonLink } from "../../elements/Button.tsx";
import { CategoryPill } from "../../elements/category.tsx";
import { cx } from "../../elements/class-names.ts";
import { EmptyState } from "../../elements/EmptyState.tsx";
import { Mascot } from "../../elements/mascot/Mascot.tsx";
import { PanelBoundary } from "../../elements/PanelBoundary.tsx";
import { Pill } from "../../elements/Pill.tsx";
import { Loading, Skeleton } from "../../elements/Skeleton.tsx";
import { api, type MembershipRole, type ProjectDetails } from "../../lib/api.ts";
import { ActionButtons } from "../actions/ActionControls.tsx";
import { AskNote } from "../actions/AskNote.tsx";
import { projectTarget } from "../actions/targets.ts";
import { ParkedView } from "../parked/ParkedView.tsx";
import { ProjectContext, projectPath } from "./project.ts";

/** @param id the project's slug or address, as in the URL */
export function ProjectFrame({ id, children }: { id: string; children: ReactNode }) {
  return (
    <PanelBoundary what="The project">
      <FoundProject id={id}>{children}</FoundProject>
    </PanelBoundary>
  );
}

function FoundProject({ id, children }: { id: string; children: ReactNode }) {
  const project = useQuery(api.projects.get, { slug: id });
  if (project === undefined) return <FrameSkeleton />;
  if (project === null) return <NoProject id={id} />;
  return (
    <ProjectContext value={project}>
      <ProjectHeader project={project} id={id} />
      <ParkedView />
      {children}
    </ProjectContext>
  );
}

function ProjectHeader({ project, id }: { project: ProjectDetails; id: string }) {
  const { name, organization, repository, category, label, role, running, limits } = project;
  const target = projectTarget(project);
  return (
    <header className="mb-5 flex flex-col gap-3">
      <nav aria-label="Breadcrumb">
        <ol className="flex flex-wrap items-center gap-1 text-sm text-muted">
          <li>
            <Link href="/projects" className="inline-flex min-h-6 items-center underline">
              Projects
            </Link>
          </li>
          <li aria-hidden="true">
            <ChevronRight size={14} />
          </li>
          <li>{organization.name}</li>
        </ol>
      </nav>
      <div className="flex flex-wrap items-center justify-between gap-x-6 gap-y-3">
        <div className="flex flex-wrap items-center gap-x-3 gap-y-2">
          <h1 className="text-2xl sm:text-3xl">{name}</h1>
          <CategoryPill category={category} label={label} />
          <Pill>
            Agents {running.length} of {limits.features}
          </Pill>
          <Pill icon={<GitBranch size={14} />}>{repository}</Pill>
          <RolePill role={role} />
        </div>
        <ActionButtons target={target} role={role} />
      </div>
      <AskNote target={target} />
      <ProjectNavigation id={id} />
    </header>
  );
}

const ROLE_WORDS: Record<MembershipRole, string> = { viewer: "Viewer: you can watch", developer: "Developer", admin: "Admin" };

function RolePill({ role }: { role: MembershipRole }) {
  return (
    <Pill
      fill={role === "viewer" ? "stone" : "none"}
      icon={role === "viewer" ? <Eye size={14} /> : undefined}
      title={role === "viewer" ? "Only developers and admins may start, pause or cancel work. Ask an admin." : undefined}
    >
      {ROLE_WORDS[role]}
    </Pill>
  );
}

const PAGES = [
  { rest: "", label: "Board" },
  { rest: "/inspector", label: "Inspector" },
  { rest: "/budgets", label: "Budgets" },
] as const;

function ProjectNavigation({ id }: { id: string }) {
  const here = usePathname();
  return (
    <nav aria-label="Project" className="flex gap-1 border-b-2">
      {PAGES.map(({ rest, label }) => {
        const href = projectPath(id, rest);
        const isHere = here === href;
        return (
          <Link
            key={rest}
            href={href}
            prefetch={false}
            aria-current={isHere ? "page" : undefined}
            className={cx(
              "flex min-h-10 items-center rounded-t-control border-2 border-b-0 px-3 font-semibold",
              isHere ? "bg-mango text-ink" : "border-transparent text-muted hover:text-text",
            )}
          >
            {label}
          </Link>
        );
      })}
    </nav>
  );
}

function NoProject({ id }: { id: string }) {
  return (
    <EmptyState
      title={`There is no project “${id}” for you`}
      mascot={<Mascot species="orchestrator" mood="stuck" size={96} />}
      action={<ButtonLink href="/projects">All your projects</ButtonLink>}
    >
      Either it does not exist, or its organisation has not invited you. An admin of the organisation can.
    </EmptyState>
  );
}

function FrameSkeleton() {
  return (
    <Loading what="the project" className="flex flex-col gap-4">
      <Skeleton className="h-5 w-40" />
      <Skeleton className="h-9 w-80" />
      <Skeleton className="h-96" />
    </Loading>
  );
}
