/** The command line of `tsbake-sstate-server`. */
import { parseArgs } from "node:util";
import { join, resolve } from "node:path";
import { BuildError, messageOf, words } from "@tsbake/base";
import { mayBeAnonymous, readHashAddress, type HashAddress } from "./equivalence/index.js";
import { readHashServer, type HashServer } from "@tsbake/sstate/remote";
import { badArgument } from "./problems.js";
import { readBucket, type BucketOptions } from "./storage/index.js";
import type { UpkeepBounds } from "./upkeep.js";

export interface ServerOptions {
  readonly objects: { readonly folder: string } | BucketOptions;
  /** Where tokens and hash equivalences are. */
  readonly state: string;
  /** `postgres://…`; undefined: the hash equivalences are in a file there. */
  readonly database?: string;
  readonly host: string;
  readonly port: number;
  readonly hashListen: readonly HashAddress[];
  readonly anonymous: readonly string[];
  /** User name of who may everything in the hash equivalence protocol, with a password of the environment. */
  readonly admin?: { readonly username: string; readonly password: string };
  readonly readOnly: boolean;
  readonly isPrivate: boolean;
  readonly tls?: { readonly certificate: string; readonly key: string };
  readonly maxObjectBytes: number;
  /** Silence of an upload, and the stretch in which it must make its least rate. Default: 30,000. */
  readonly idleMs?: number;
  readonly prune: UpkeepBounds;
  readonly upstream: UpstreamServers;
  readonly graceMs: number;
}

/** Servers behind this one. */
export interface UpstreamServers {
  /** Below which objects are, with the login. */
  readonly url?: string;
  readonly hashServer?: HashServer;
  /** That of the environment. */
  readonly token?: string;
  /** How long one that is down is left alone. Default: 30,000. */
  readonly pauseMs?: number;
}

interface Option {
  readonly name: string;
  readonly value?: string;
  readonly help: string;
}

const DEFAULT_PORT = 8685;
const DEFAULT_HASH_ADDRESS = "127.0.0.1:8686";
const STATE = ".server";
const MOST_OBJECT_BYTES = 16 * 2 ** 30;
/** @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/upload-objects.html */
const MOST_BUCKET_OBJECT_BYTES = 5 * 2 ** 30;
const UPSTREAM_TOKEN = "TSBAKE_SSTATE_UPSTREAM_TOKEN";
const ADMIN_PASSWORD = "TSBAKE_SSTATE_ADMIN_PASSWORD";

const OPTIONS: readonly Option[] = [
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

export function refuseWords(what: string): never {
  throw new BuildError([badArgument(what)]);
}

/** Values by name. @throws BuildError `server/bad-argument` */
export function readWords(
  argv: readonly string[],
  options: readonly Option[] = OPTIONS,
): { readonly values: ReadonlyMap<string, readonly string[]>; readonly positionals: readonly string[] } {
  const config = Object.fromEntries(
    options.map(({ name, value }) => [
      name,
      value === undefined ? { type: "boolean" as const } : { type: "string" as const, multiple: true },
    ]),
  );
  try {
    const read = parseArgs({ args: [...argv], options: config, allowPositionals: true, strict: true });
    const values = new Map<string, readonly string[]>();
    for (const [name, value] of Object.entries(read.values))
      values.set(name, Array.isArray(value) ? value.map(String) : []);
    return { values, positionals: read.positionals };
  } catch (error) {
    return refuseWords(messageOf(error));
  }
}

/** The folder of the server's own files. @throws BuildError `server/bad-argument` */
export function stateFolder(values: ReadonlyMap<string, readonly string[]>): string {
  const [state, folder] = [values.get("state")?.at(-1) ?? "", values.get("dir")?.at(-1) ?? ""];
  if (state !== "") return resolve(state);
  if (folder !== "") return resolve(join(folder, STATE));
  return refuseWords(
    "--dir is needed, the folder of the objects; with --storage: --state, the folder of the server's own files",
  );
}

/** @throws BuildError `server/bad-argument` */
function objectsOf(
  last: (name: string) => string | undefined,
  environment: NodeJS.ProcessEnv,
): ServerOptions["objects"] {
  const [folder, storage] = [last("dir"), last("storage")];
  if (storage === undefined)
    return { folder: resolve(folder ?? refuseWords("--dir is needed: the folder of the objects")) };
  if (folder !== undefined) refuseWords("objects are in --dir or in --storage, not in both");
  const given = { endpoint: last("s3-endpoint"), region: last("s3-region") };
  const bucket = readBucket(storage, given, environment);
  return "wrong" in bucket ? refuseWords(bucket.wrong) : bucket;
}

/** @throws BuildError `server/bad-argument` */
export function readOptions(argv: readonly string[], environment: NodeJS.ProcessEnv): ServerOptions {
  const { values, positionals } = readWords(argv);
  if (positionals.length > 0) refuseWords(`\`${positionals[0]!}\` is no option and no command`);
  const last = (name: string): string | undefined => values.get(name)?.at(-1);
  const number = (name: string, most: number, otherwise: number): number => {
    const text = last(name);
    if (text === undefined) return otherwise;
    if (!/^\d{1,9}$/.test(text) || Number(text) > most)
      refuseWords(`--${name} is \`${text}\`, not a number up to ${most}`);
    return Number(text);
  };
  const [certificate, key] = [last("tls-cert"), last("tls-key")];
  if ((certificate === undefined) !== (key === undefined))
    refuseWords("--tls-cert and --tls-key are needed together");
  const maxBytes = quantity(last("max-size"), "max-size", SIZES);
  const maxAgeMs = quantity(last("max-age"), "max-age", AGES);
  const objects = objectsOf(last, environment);
  const database = last("database");
  if (database !== undefined && !/^postgres(?:ql)?:\/\/./.test(database))
    refuseWords("--database is no postgres://USER@HOST/NAME");
  const maxObjectBytes =
    quantity(last("max-object"), "max-object", SIZES) ??
    ("folder" in objects ? MOST_OBJECT_BYTES : MOST_BUCKET_OBJECT_BYTES);
  if (!("folder" in objects) && maxObjectBytes > MOST_BUCKET_OBJECT_BYTES)
    refuseWords("--max-object is at most 5G with --storage: a bucket takes no more in one piece");
  const admin = last("admin");
  const anonymous = words((last("anonymous") ?? "@read").replaceAll(",", " "));
  if (!mayBeAnonymous(anonymous))
    refuseWords(
      `--anonymous is \`${anonymous.join(" ")}\`: everybody can have @read, @report, @db-admin or @none`,
    );
  return {
    objects,
    state: stateFolder(values),
    ...(database !== undefined && { database }),
    host: last("host") ?? "127.0.0.1",
    port: number("port", 65_535, DEFAULT_PORT),
    hashListen: hashAddresses(values.get("hash-listen") ?? [DEFAULT_HASH_ADDRESS]),
    anonymous,
    ...(admin !== undefined && { admin: { username: admin, password: passwordOf(environment) } }),
    readOnly: values.has("read-only"),
    isPrivate: values.has("private"),
    ...(certificate !== undefined && key !== undefined && { tls: { certificate, key } }),
    maxObjectBytes,
    prune: { ...(maxBytes !== undefined && { maxBytes }), ...(maxAgeMs !== undefined && { maxAgeMs }) },
    upstream: upstreamOf(last, values.has("read-only"), environment),
    graceMs: number("grace", 3600, 30) * 1000,
  };
}

/** @throws BuildError `server/bad-argument` */
function upstreamOf(
  last: (name: string) => string | undefined,
  isReadOnly: boolean,
  environment: NodeJS.ProcessEnv,
): UpstreamServers {
  const [text, address] = [last("upstream"), last("hash-upstream")];
  const token = environment[UPSTREAM_TOKEN] || undefined;
  if (text === undefined && address === undefined) return {};
  if (isReadOnly)
    refuseWords("a server with --upstream or --hash-upstream keeps what it learns: not with --read-only");
  const url = text === undefined || !URL.canParse(text) ? undefined : new URL(text);
  if (text !== undefined && (!url || !/^https?:$/.test(url.protocol) || url.search !== "" || url.hash !== ""))
    refuseWords("--upstream is no http(s):// URL below which objects are");
  // As our own server takes it: the password of any name.
  if (url && token !== undefined && url.password === "") [url.username, url.password] = ["token", token];
  const hashServer = address === undefined ? undefined : readHashServer(address);
  if (address !== undefined && !hashServer)
    refuseWords(`--hash-upstream is \`${address}\`, not HOST:PORT, unix:///PATH, ws:// or wss://`);
  return {
    ...(url && { url: url.href.replace(/\/+$/, "") }),
    ...(hashServer && { hashServer }),
    ...(token !== undefined && { token }),
  };
}

function passwordOf(environment: NodeJS.ProcessEnv): string {
  const password = environment[ADMIN_PASSWORD] ?? "";
  if (password === "") refuseWords(`--admin needs a password in the environment variable ${ADMIN_PASSWORD}`);
  return password;
}

function hashAddresses(texts: readonly string[]): HashAddress[] {
  if (texts.length === 1 && texts[0] === "none") return [];
  return texts.map(
    (text) =>
      readHashAddress(text) ?? refuseWords(`--hash-listen is \`${text}\`, not HOST:PORT or unix:///PATH`),
  );
}

const SIZES: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };
const AGES: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

function quantity(
  text: string | undefined,
  name: string,
  units: Readonly<Record<string, number>>,
): number | undefined {
  if (text === undefined) return undefined;
  const [, digits = "", unit = ""] = /^(\d{1,9})([A-Za-z])$/.exec(text) ?? [];
  const factor = Object.hasOwn(units, unit) ? units[unit] : undefined;
  if (factor === undefined || Number(digits) === 0)
    return refuseWords(`--${name} is \`${text}\`, not a number and one of ${Object.keys(units).join(", ")}`);
  return Number(digits) * factor;
}
