// One JSON object a line on standard error: a fixed event name to search for, then fields. Secrets never, payloads rarely.

export type Fields = Readonly<Record<string, string | number | boolean | null | undefined | readonly string[]>>;

export interface Log {
  info(event: string, fields?: Fields): void;
  warn(event: string, fields?: Fields): void;
  error(event: string, fields?: Fields): void;
}

export function createLog(
  write: (line: string) => void = (line) => process.stderr.write(line),
  now: () => number = Date.now,
): Log {
  const at =
    (level: string) =>
    (event: string, fields: Fields = {}) =>
      write(`${JSON.stringify({ at: new Date(now()).toISOString(), level, event, ...fields })}\n`);
  return { info: at("info"), warn: at("warn"), error: at("error") };
}
