// The five bodies, drawn for this project on a 64 by 64 field. Each role is told by its outline and its tool, not by its colour.
// Outlines take the theme's line colour, so that they stand out on dark panels too; what lies on a fill is always ink.

import type { Role } from "@omakase/machines/roles";
import type { ReactNode } from "react";
import type { Fill } from "../Pill.tsx";

export type Species = Role | "orchestrator";

export interface SpeciesDrawing {
  /** The animal and its role, as the alternative text names them. */
  readonly name: string;
  readonly role: string;
  readonly fill: Exclude<Fill, "none" | "danger" | "stone">;
  /** Where the eyes are: the middle between them, and half their distance. A beak is no mouth. */
  readonly face: { readonly x: number; readonly y: number; readonly gap: number; readonly hasMouth: boolean };
  readonly body: ReactNode;
  /** Its tool, drawn in front of the face. */
  readonly prop: ReactNode;
}

const INK = "var(--color-ink)";
const LINE = "var(--line)";
const outline = { stroke: LINE, strokeWidth: 2.5, strokeLinejoin: "round", strokeLinecap: "round" } as const;
const detail = { stroke: INK, strokeWidth: 2, strokeLinejoin: "round", strokeLinecap: "round", fill: "none" } as const;
/** Of a pale tool: ink against its own paleness, with a line around it against the body and the page. */
const tool = (shape: { d: string }) => (
  <>
    <path {...shape} fill="none" {...outline} strokeWidth={4.2} />
    <path {...shape} fill={CREAM} stroke={INK} strokeWidth={2.2} strokeLinejoin="round" strokeLinecap="round" />
  </>
);
/** Pale parts: bellies, muzzles, paper. */
const CREAM = "#fff8e7";

/** The octopus's four arms that are not at the keyboard. */
const ARMS = "M15 41q-3 8-9 6-4-2-2-6M49 41q3 8 9 6 4-2 2-6M20 49q-2 9-9 10M44 49q2 9 9 10";

export const SPECIES: Record<Species, SpeciesDrawing> = {
  architect: {
    name: "Owl",
    role: "Architect",
    fill: "sky",
    face: { x: 32, y: 27, gap: 8.5, hasMouth: false },
    body: (
      <>
        <path d="M13 19 15 6l12 8q5-1.5 10 0L49 6l2 13q4 8 2 20-3 18-21 18T11 39q-2-12 2-20Z" fill="var(--body)" {...outline} />
        <path d="M20 45q4 4 8 0m8 0q4 4 8 0m-16 6q4 4 8 0" {...detail} />
        <circle cx="23.5" cy="27" r="8" fill={CREAM} stroke={INK} strokeWidth="2" />
        <circle cx="40.5" cy="27" r="8" fill={CREAM} stroke={INK} strokeWidth="2" />
        <path d="m29.5 33.5 2.5 4.5 2.5-4.500Z" fill="#ffc53d" stroke={INK} strokeWidth="1.8" strokeLinejoin="round" />
      </>
    ),
    prop: (
      <>
        <path d="M42 60V41l19 19Z" fill="#ffc53d" {...outline} />
        <path d="M46.5 55.500v-5l5 5Z" fill={CREAM} stroke={INK} strokeWidth="1.5" strokeLinejoin="round" />
      </>
    ),
  },
  coder: {
    name: "Octopus",
    role: "Coder",
    fill: "mint",
    face: { x: 32, y: 27, gap: 8, hasMouth: true },
    body: (
      <>
        <g fill="none" strokeLinecap="round">
          <path d={ARMS} stroke={LINE} strokeWidth="9" />
          <path d={ARMS} stroke="var(--body)" strokeWidth="4.4" />
        </g>
        <path d="M12 29Q12 5 32 5t20 24v8q0 12-9 15H21q-9-3-9-15Z" fill="var(--body)" {...outline} />
        <path d="M15.5 36v2m33-2v2" {...detail} strokeWidth="2.5" />
      </>
    ),
    prop: (
      <>
        {tool({ d: "M19.5 42h25q2.5 0 2.5 2.5v12q0 2.5-2.5 2.5h-25q-2.5 0-2.5-2.5v-12q0-2.5 2.5-2.5Z" })}
        <path d="m26 47-4 3.5 4 3.500m12-7 4 3.5-4 3.500m-4.5-8-3 9" {...detail} />
      </>
    ),
  },
  reviewer: {
    name: "Rabbit",
    role: "Reviewer",
    fill: "violet",
    face: { x: 30, y: 36, gap: 7.5, hasMouth: true },
    body: (
      <>
        <path d="M19 27Q10 4 17 2.500t11 21.500m4 0Q34 1 43 2.500T41 27" fill="var(--body)" {...outline} />
        <path d="M20 20q-3-9-1.5-12M39 19q4-7 2.5-11" {...detail} strokeWidth="1.8" />
        <path d="M30 21q19 0 19 19 0 18-19 18T11 40q0-19 19-19Z" fill="var(--body)" {...outline} />
        <path d="m28 41.5 2 2 2-2Z" fill={INK} stroke={INK} strokeWidth="1.5" strokeLinejoin="round" />
      </>
    ),
    prop: (
      <>
        <path d="m55 55 6 6" stroke={LINE} strokeWidth="5" strokeLinecap="round" />
        {tool({ d: "M42.5 49a7.5 7.5 0 1 1 15 0 7.5 7.5 0 1 1-15 0Z" })}
        <path d="M46.5 48q1-3 4-3" {...detail} strokeWidth="1.8" />
      </>
    ),
  },
  tester: {
    name: "Hedgehog",
    role: "Tester",
    fill: "mango",
    face: { x: 30, y: 38, gap: 7, hasMouth: true },
    body: (
      <>
        <path
          d="M5 56 8 47l-6-5 8-4-4-8 9-1-1-9 9 3 2-9 8 6 6-8 4 9 9-5-1 10 9 0-4 8 6 6-6 5 5 8Z"
          fill="var(--body)"
          {...outline}
        />
        <path d="M30 27q17 0 17 16 0 15-17 15T13 43q0-16 17-16Z" fill={CREAM} stroke={INK} strokeWidth="2" />
        <circle cx="30" cy="44" r="2.4" fill={INK} />
      </>
    ),
    prop: (
      <>
        {tool({ d: "M47 41h9m-7 0v7l-5 10q-1 3 2 3h11q3 0 2-3l-5-10v-7" })}
        <path d="M46.5 55h10l2 4q0 1-1 1H46q-1 0-.8-1Z" fill="#ff9bd2" />
      </>
    ),
  },
  orchestrator: {
    name: "Bear",
    role: "Orchestrator",
    fill: "tomato",
    face: { x: 32, y: 37, gap: 8, hasMouth: true },
    body: (
      <>
        <circle cx="13.5" cy="30" r="6.5" fill="var(--body)" {...outline} />
        <circle cx="50.5" cy="30" r="6.5" fill="var(--body)" {...outline} />
        <path d="M32 22q21 0 21 18 0 19-21 19T11 40q0-18 21-18Z" fill="var(--body)" {...outline} />
        <ellipse cx="32" cy="46.5" rx="9" ry="7" fill={CREAM} stroke={INK} strokeWidth="1.8" />
        <path d="m29.5 42.5 2.5 2.2 2.5-2.200Z" fill={INK} stroke={INK} strokeWidth="1.5" strokeLinejoin="round" />
        {tool({ d: "M20 20q-8-2-6-9 3-7 11-4 7-7 14 0 8-3 11 4 2 7-6 9l-1 7H21Z" })}
        <path d="M26 21v-4m6 4v-5m6 5v-4" {...detail} strokeWidth="1.8" />
      </>
    ),
    prop: (
      <>
        <path d="M56 36v16" stroke={LINE} strokeWidth="3" strokeLinecap="round" />
        {tool({ d: "M50 52h12q0 8-6 8t-6-8Z" })}
      </>
    ),
  },
};
