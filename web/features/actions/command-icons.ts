// The picture of each command.

import {
  Archive,
  CirclePlay,
  CircleSlash,
  DoorClosed,
  type LucideIcon,
  OctagonPause,
  OctagonX,
  Pause,
  Play,
  RotateCcw,
  ThumbsDown,
  ThumbsUp,
} from "lucide-react";
import type { CommandName } from "./registry.ts";

export const COMMAND_ICONS: Record<CommandName, LucideIcon> = {
  start: Play,
  resume: CirclePlay,
  retry: RotateCcw,
  approve: ThumbsUp,
  reject: ThumbsDown,
  pause: Pause,
  pauseStarts: DoorClosed,
  pauseNow: OctagonPause,
  stop: OctagonX,
  cancel: CircleSlash,
  archive: Archive,
};
