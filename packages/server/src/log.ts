/** What the server tells its operator: a line of JSON an event. */

export type LogFields = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

export interface Log {
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
}

/** Longest text of a field: much of it comes from strangers. */
const LONGEST = 400;

/** @param write one line without its end; JSON has escapes for everything that a terminal takes for its own */
export function jsonLog(write: (line: string) => void): Log {
  const tell = (level: string, event: string, fields: LogFields = {}): void => {
    const short = Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === "string" && value.length > LONGEST ? `${value.slice(0, LONGEST)}…` : value,
    ]);
    write(JSON.stringify({ time: new Date().toISOString(), level, event, ...Object.fromEntries(short) }));
  };
  return {
    info: (event, fields) => tell("info", event, fields),
    warn: (event, fields) => tell("warn", event, fields),
    error: (event, fields) => tell("error", event, fields),
  };
}
