// The picture of each command.

import {
  Archive,
  CirclePlay,
  CircleSlash,
  type LucideIcon,
  OctagonPause,
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
  pauseNow: OctagonPause,
  cancel: CircleSlash,
  archive: Archive,
};
