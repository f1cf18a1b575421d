// One line per thing that happened, as JSON: a fixed name to search for, then fields. Never an environment, never a command.

export type Log = (name: string, fields?: Readonly<Record<string, unknown>>) => void;

/** Writes to standard error, so that standard output holds nothing but what a starter waits for. */
export const logToStderr: Log = (name, fields = {}) => {
  process.stderr.write(`${JSON.stringify({ at: new Date().toISOString(), event: name, ...fields })}\n`);
};

export const silent: Log = () => {};
