"use client";
// The projects of the person's organisations.

import { useQuery } from "convex/react";
import { GitBranch, UserRound, Users } from "lucide-react";
import Link from "next/link";
import { Card } from "../../elements/Card.tsx";
import { CategoryPill } from "../../elements/category.tsx";
import { EmptyState } from "../../elements/EmptyState.tsx";
import { Mascot } from "../../elements/mascot/Mascot.tsx";
import { PanelBoundary } from "../../elements/PanelBoundary.tsx";
import { Pill } from "../../elements/Pill.tsx";
import { Loading, Skeleton } from "../../elements/Skeleton.tsx";
import { api, type ProjectCard } from "../../lib/api.ts";
import { CategoryBar, countByCategory } from "./CategoryBar.tsx";
import { projectPath } from "./project.ts";

export function ProjectsView() {
  return (
    <>
      <h1 className="mb-5 text-3xl">Projects</h1>
      <PanelBoundary what="The list of projects">
        <ProjectList />
      </PanelBoundary>
    </>
  );
}

const GRID = "grid gap-6 sm:grid-cols-[repeat(auto-fill,minmax(22rem,1fr))]";

function ProjectList() {
  const found = useQuery(api.projects.list, {});
  if (found === undefined) {
    return (
      <Loading what="your projects" className={GRID}>
        <Skeleton className="h-60" />
        <Skeleton className="h-60" />
      </Loading>
    );
  }
  const { projects, cut } = found;
  if (projects.length === 0) return <NoProjects />;
  // One slug may be used by two organisations: then both are opened by their addresses.
  const slugs = projects.map(({ slug }) => slug);
  const isTwice = (slug: string) => slugs.indexOf(slug) !== slugs.lastIndexOf(slug);
  return (
    <>
      {cut.length > 0 && (
        <p className="mb-5 rounded-control border-2 border-dashed px-3 py-2">
          Not all projects of {cut.join(", ")} are shown, only the first 200 of each organisation: open another by its address.
        </p>
      )}
      <ul className={GRID}>
        {projects.map((project) => (
          <li key={project.address}>
            <ProjectTile project={project} href={projectPath(isTwice(project.slug) ? project.address : project.slug)} />
          </li>
        ))}
      </ul>
    </>
  );
}

function ProjectTile({ project, href }: { project: ProjectCard; href: string }) {
  const { name, organization, repository, linearTeamKey, category, label, mood } = project;
  return (
    <Card className="relative flex h-full flex-col gap-4">
      <div className="flex items-start gap-3">
        <Mascot species="orchestrator" mood={mood} size={56} isDecorative />
        <div className="min-w-0">
          <h2 className="text-xl">
            <Link href={href} className="after:absolute after:inset-0 after:rounded-card hover:underline">
              {name}
            </Link>
          </h2>
          <p className="text-sm text-muted">{organization.name}</p>
        </div>
      </div>
      <div className="flex flex-wrap gap-2">
        <CategoryPill category={category} label={label} />
        <Pill icon={<Users size={14} />}>Team {linearTeamKey}</Pill>
        <Pill icon={<GitBranch size={14} />}>{repository}</Pill>
      </div>
      <PanelBoundary what={`What ${name} is doing`}>
        <ProjectFigures project={project} />
      </PanelBoundary>
    </Card>
  );
}

/** What the list does not carry: asked for per project, so that each stays live and the list stays cheap. */
function ProjectFigures({ project: { address, running } }: { project: ProjectCard }) {
  const details = useQuery(api.projects.get, { slug: address });
  const board = useQuery(api.features.board, { project: address });
  if (!details || board === undefined) {
    return (
      <Loading what="its features">
        <Skeleton className="h-14" />
      </Loading>
    );
  }
  const counts = countByCategory(board.cards);
  return (
    <>
      <div className="flex flex-wrap gap-2">
        <Pill>
          Agents {running.length} of {details.limits.features}
        </Pill>
        {counts.needsYou > 0 && (
          <Pill fill="tomato" icon={<UserRound size={14} />}>
            {counts.needsYou} {counts.needsYou === 1 ? "needs" : "need"} you
          </Pill>
        )}
        {board.cut.length > 0 && <Pill title="Only the newest are counted">at least</Pill>}
      </div>
      <CategoryBar counts={counts} />
    </>
  );
}

function NoProjects() {
  return (
    <EmptyState title="No projects yet" mascot={<Mascot species="orchestrator" mood="waiting" size={112} />}>
      A project joins a Linear team with a repository. You see those of every organisation that has invited you; so far none has.
      Ask an admin of your organisation to add you, or to make the first project.
    </EmptyState>
  );
}
