/** The options of `tsbake-sstate-server`, each a line of its help. What their values mean is read in `options.ts`. */

/** One option: without `value` it is a switch. */
export interface Option {
  /** Without `--`. */
  readonly name: string;
  /** What stands for its value in the help. */
  readonly value?: string;
  readonly help: string;
}

export const DEFAULT_PORT = 8685;
export const DEFAULT_HASH_ADDRESS = "127.0.0.1:8686";
/** Folder of the server's own files in that of the objects. */
export const STATE = ".server";
/** Environment variable: the password of `--admin`. */
export const ADMIN_PASSWORD = "TSBAKE_SSTATE_ADMIN_PASSWORD";

export const OPTIONS: readonly Option[] = [
  { name: "dir", value: "DIR", help: "the objects, laid out as SSTATE_DIR is; made if it is not there" },
  {
    name: "storage",
    value: "URL",
    help: "s3://BUCKET[/PREFIX]: the objects in a bucket (AWS_ACCESS_KEY_ID, …)",
  },
  {
    name: "s3-endpoint",
    value: "URL",
    help: "of a server that is not Amazon's (or: AWS_ENDPOINT_URL_S3)",
  },
  { name: "s3-region", value: "REGION", help: "of the bucket (or: AWS_REGION; default: us-east-1)" },
  { name: "state", value: "DIR", help: `tokens and hash equivalences (default: DIR/${STATE})` },
  {
    name: "database",
    value: "URL",
    help: "postgres://…: hash equivalences in PostgreSQL, for several servers",
  },
  { name: "host", value: "ADDRESS", help: "where HTTP and WebSockets are answered (default: 127.0.0.1)" },
  { name: "port", value: "PORT", help: `and on which port (default: ${DEFAULT_PORT}; 0: any that is free)` },
  {
    name: "hash-listen",
    value: "ADDRESS",
    help: `HOST:PORT or unix:///PATH, repeatable; or none (default: ${DEFAULT_HASH_ADDRESS})`,
  },
  {
    name: "anonymous",
    value: "PERMISSIONS",
    help: "of clients that have not logged in there (default: @read)",
  },
  {
    name: "admin",
    value: "NAME",
    help: `who may everything there; ${ADMIN_PASSWORD} has the password`,
  },
  {
    name: "upstream",
    value: "URL",
    help: "a server or mirror: what is not here is fetched there, and kept",
  },
  {
    name: "hash-upstream",
    value: "ADDRESS",
    help: "the same of hashes, as BB_HASHSERVE names a server",
  },
  { name: "read-only", help: "nothing is taken and nothing deleted, whoever asks" },
  { name: "private", help: "reading takes a token, too" },
  { name: "tls-cert", value: "FILE", help: "answer by https with this certificate (PEM)" },
  { name: "tls-key", value: "FILE", help: "and its key" },
  { name: "max-object", value: "SIZE", help: "longest upload (default: 16G; in a bucket 5G)" },
  {
    name: "max-size",
    value: "SIZE",
    help: "delete the least recently used objects, hourly, until the rest fits",
  },
  { name: "max-age", value: "AGE", help: "delete what has not been used for so long, hourly: 12h, 30d, 4w" },
  { name: "grace", value: "SECONDS", help: "how long requests may take that run at SIGTERM (default: 30)" },
];

const HEAD = `tsbake-sstate-server --dir DIR [--OPTION VALUE …]
tsbake-sstate-server --storage s3://BUCKET --state DIR [--OPTION VALUE …]
tsbake-sstate-server token add NAME [--scopes read,push,prune] --dir DIR
tsbake-sstate-server token list|remove NAME --dir DIR

A mirror of shared state and a hash equivalence server, for tsbake and BitBake.`;

/** What `--help` prints. */
export function serverHelp(): string {
  const rows = [
    ...OPTIONS,
    { name: "version", help: "show the version" },
    { name: "help", help: "show this text" },
  ].map((one): [string, string] => [
    `  --${one.name}${"value" in one && one.value ? ` ${one.value}` : ""}`,
    one.help,
  ]);
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return `${HEAD}\n\n${rows.map(([left, help]) => left.padEnd(width) + help).join("\n")}`;
}
