// The nine moods: eyes, mouth, and a sign beside the head. Shapes only, so they survive without colour.

import type { Mood } from "@omakase/machines/view";
import type { ReactNode } from "react";
import type { SpeciesDrawing } from "./species.tsx";

/** The mood in a word, as the alternative text says it. */
export const MOOD_WORDS: Record<Mood, string> = {
  idle: "idle",
  thinking: "thinking",
  working: "working",
  testing: "testing",
  waiting: "waiting",
  stuck: "stuck",
  proud: "proud",
  failed: "failed",
  offline: "offline",
};

type Side = -1 | 1;
type Point = { readonly x: number; readonly y: number };

interface MoodDrawing {
  readonly eye: (at: Point, side: Side) => ReactNode;
  /** With the middle of the mouth at the given point. */
  readonly mouth: (at: Point) => ReactNode;
  readonly sign: ReactNode;
}

const INK = "var(--color-ink)";
const LINE = "var(--line)";
const pen = { stroke: INK, strokeWidth: 2.2, strokeLinecap: "round", strokeLinejoin: "round", fill: "none" } as const;
/** Signs float beside the head, on the page: they take the theme's line. */
const air = { stroke: LINE, strokeWidth: 2, strokeLinecap: "round", strokeLinejoin: "round", fill: "none" } as const;

const dot = (x: number, y: number, r = 2.6) => <circle cx={x} cy={y} r={r} fill={INK} />;
const smile = ({ x, y }: Point) => <path d={`M${x - 3} ${y}q3 3 6 0`} {...pen} />;
const flat = ({ x, y }: Point) => <path d={`M${x - 2.5} ${y + 1}h5`} {...pen} />;

const MOODS: Record<Mood, MoodDrawing> = {
  idle: { eye: ({ x, y }) => dot(x, y), mouth: smile, sign: null },
  thinking: {
    eye: ({ x, y }) => dot(x + 1.5, y - 2.2),
    mouth: ({ x, y }) => <path d={`M${x} ${y + 1}h3.5`} {...pen} />,
    sign: (
      <g fill={LINE}>
        <circle cx="56" cy="13" r="2" />
        <circle cx="59" cy="7" r="2.6" />
      </g>
    ),
  },
  working: {
    eye: ({ x, y }, side) => (
      <>
        {dot(x, y + 0.5)}
        <path d={`M${x - 3} ${y - 5 + side}l6 ${side * -1.4}`} {...pen} />
      </>
    ),
    mouth: smile,
    sign: <path d="M2.5 24h4M2.5 30h2.500M57.5 24h4M59 30h2.5" {...air} />,
  },
  testing: {
    eye: ({ x, y }) => (
      <>
        <circle cx={x} cy={y} r="4.8" {...pen} strokeWidth="1.8" />
        {dot(x, y, 1.8)}
      </>
    ),
    mouth: flat,
    sign: <path d="m52 9 3 3 6-7" {...air} strokeWidth="2.5" />,
  },
  waiting: {
    eye: ({ x, y }) => (
      <>
        <path d={`M${x - 3.2} ${y}h6.4`} {...pen} />
        <path d={`M${x - 2} ${y}q2 4 4 0Z`} fill={INK} />
      </>
    ),
    mouth: flat,
    sign: <path d="M54 4h7l-5.5 6.500L61 17h-7l5.5-6.500Z" {...air} strokeWidth="1.8" />,
  },
  stuck: {
    eye: ({ x, y }) => (
      <>
        <circle cx={x} cy={y} r="3.8" fill="#fff8e7" stroke={INK} strokeWidth="1.8" />
        {dot(x, y, 1.2)}
      </>
    ),
    mouth: ({ x, y }) => <path d={`M${x - 4} ${y + 1}q1.3-2.4 2.7 0t2.7 0 2.6 0`} {...pen} strokeWidth="1.8" />,
    sign: <path d="M57 5q5 7 0 9-5-2 0-9Z" fill="#74c7ff" stroke={LINE} strokeWidth="1.8" strokeLinejoin="round" />,
  },
  proud: {
    eye: ({ x, y }) => <path d={`M${x - 3} ${y + 1.5}q3-4.5 6 0`} {...pen} />,
    mouth: ({ x, y }) => <path d={`M${x - 4} ${y - 0.5}q4 6 8 0Z`} fill={INK} stroke={INK} strokeLinejoin="round" />,
    sign: <path d="M57 3v9m-4.5-4.500h9M5 13v6m-3-3h6" {...air} />,
  },
  failed: {
    eye: ({ x, y }) => <path d={`m${x - 2.6} ${y - 2.6} 5.2 5.200m0-5.2-5.2 5.2`} {...pen} />,
    mouth: ({ x, y }) => <path d={`M${x - 3} ${y + 2}q3-3 6 0`} {...pen} />,
    sign: <path d="M57 3.500v7m0 4v.1" {...air} strokeWidth="3" />,
  },
  offline: {
    eye: ({ x, y }) => <path d={`M${x - 3} ${y}q3 2.6 6 0`} {...pen} />,
    mouth: ({ x, y }) => <path d={`M${x - 1.5} ${y + 1}h3`} {...pen} />,
    sign: <path d="M50 3.500h5l-5 6h5m2 2.500h4l-4 5h4" {...air} />,
  },
};

/** The mouth sits this far below the eyes. */
const MOUTH_BELOW = 10.5;

export function Face({ face, mood }: { face: SpeciesDrawing["face"]; mood: Mood }) {
  const { eye, mouth } = MOODS[mood];
  const { x, y, gap, hasMouth } = face;
  return (
    <>
      {eye({ x: x - gap, y }, -1)}
      {eye({ x: x + gap, y }, 1)}
      {hasMouth && mouth({ x, y: y + MOUTH_BELOW })}
    </>
  );
}

export const MoodSign = ({ mood }: { mood: Mood }) => MOODS[mood].sign;
