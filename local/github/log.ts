// One JSON line for each thing worth knowing, on stderr: stdout carries the ready line alone.

type Fields = Readonly<Record<string, string | number | boolean | null>>;

export interface Log {
  readonly info: (event: string, fields?: Fields) => void;
  readonly error: (event: string, fields?: Fields) => void;
}

const write = (level: string, event: string, fields: Fields = {}) => {
  process.stderr.write(`${JSON.stringify({ at: new Date().toISOString(), level, event, ...fields })}\n`);
};

export const stderrLog: Log = {
  info: (event, fields) => write("info", event, fields),
  error: (event, fields) => write("error", event, fields),
};
