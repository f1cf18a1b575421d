// Where a task's things lie on disk: all of them in one folder, so that removing it removes everything.
import { join } from "node:path";

export const tasksDir = (dir: string): string => join(dir, "tasks");
export const taskDir = (dir: string, id: string): string => join(tasksDir(dir), id);

/** The folder one attempt to start the task claims: its output and its exit code are in there. */
export const runDir = (dir: string, id: string, attempt: number): string => join(taskDir(dir, id), `run-${attempt}`);
