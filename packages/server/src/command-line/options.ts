/** What the command line and the environment tell the server to do. */
import { resolve } from "node:path";
import { words } from "@tsbake/base";
import { readHashServer, type HashServer } from "@tsbake/sstate/remote";
import { mayBeAnonymous, readHashAddress, type HashAddress } from "../equivalence/index.js";
import { readBucket, type BucketOptions } from "../storage/index.js";
import type { UpkeepBounds } from "../upkeep.js";
import { ADMIN_PASSWORD, DEFAULT_HASH_ADDRESS, DEFAULT_PORT } from "./table.js";
import { AGES, quantity, readWords, refuseWords, SIZES, stateFolder } from "./words.js";

/** All that a server goes by. */
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

const MOST_OBJECT_BYTES = 16 * 2 ** 30;
/** @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/upload-objects.html */
const MOST_BUCKET_OBJECT_BYTES = 5 * 2 ** 30;
const MOST_GRACE_SECONDS = 3600;
const UPSTREAM_TOKEN = "TSBAKE_SSTATE_UPSTREAM_TOKEN";

/** The last value of an option, if it has one. */
type Last = (name: string) => string | undefined;

/** @throws BuildError `server/bad-argument` */
export function readOptions(argv: readonly string[], environment: NodeJS.ProcessEnv): ServerOptions {
  const { values, positionals } = readWords(argv);
  if (positionals.length > 0) refuseWords(`\`${positionals[0]!}\` is no option and no command`);
  const last: Last = (name) => values.get(name)?.at(-1);
  const objects = objectsOf(last, environment);
  const database = databaseOf(last);
  const admin = last("admin");
  const tls = tlsOf(last);
  return {
    objects,
    state: stateFolder(values),
    ...(database !== undefined && { database }),
    host: last("host") ?? "127.0.0.1",
    port: number(last, "port", { most: 65_535, otherwise: DEFAULT_PORT }),
    hashListen: hashAddresses(values.get("hash-listen") ?? [DEFAULT_HASH_ADDRESS]),
    anonymous: anonymousOf(last),
    ...(admin !== undefined && { admin: { username: admin, password: passwordOf(environment) } }),
    readOnly: values.has("read-only"),
    isPrivate: values.has("private"),
    ...(tls && { tls }),
    maxObjectBytes: maxObjectBytes(last, objects),
    prune: boundsOf(last),
    upstream: upstreamOf(last, values.has("read-only"), environment),
    graceMs: number(last, "grace", { most: MOST_GRACE_SECONDS, otherwise: 30 }) * 1000,
  };
}

function objectsOf(last: Last, environment: NodeJS.ProcessEnv): ServerOptions["objects"] {
  const [folder, storage] = [last("dir"), last("storage")];
  if (storage === undefined)
    return { folder: resolve(folder ?? refuseWords("--dir is needed: the folder of the objects")) };
  if (folder !== undefined) refuseWords("objects are in --dir or in --storage, not in both");
  const given = { endpoint: last("s3-endpoint"), region: last("s3-region") };
  const bucket = readBucket(storage, given, environment);
  return "wrong" in bucket ? refuseWords(bucket.wrong) : bucket;
}

function databaseOf(last: Last): string | undefined {
  const url = last("database");
  if (url !== undefined && !/^postgres(?:ql)?:\/\/./.test(url))
    refuseWords("--database is no postgres://USER@HOST/NAME");
  return url;
}

function tlsOf(last: Last): ServerOptions["tls"] | undefined {
  const [certificate, key] = [last("tls-cert"), last("tls-key")];
  if (certificate !== undefined && key !== undefined) return { certificate, key };
  if (certificate === key) return undefined;
  return refuseWords("--tls-cert and --tls-key are needed together");
}

function anonymousOf(last: Last): readonly string[] {
  const anonymous = words((last("anonymous") ?? "@read").replaceAll(",", " "));
  if (!mayBeAnonymous(anonymous))
    refuseWords(
      `--anonymous is \`${anonymous.join(" ")}\`: everybody can have @read, @report, @db-admin or @none`,
    );
  return anonymous;
}

function maxObjectBytes(last: Last, objects: ServerOptions["objects"]): number {
  const most = "folder" in objects ? MOST_OBJECT_BYTES : MOST_BUCKET_OBJECT_BYTES;
  const bytes = quantity(last("max-object"), "max-object", SIZES) ?? most;
  if (!("folder" in objects) && bytes > most)
    refuseWords("--max-object is at most 5G with --storage: a bucket takes no more in one piece");
  return bytes;
}

function boundsOf(last: Last): UpkeepBounds {
  const maxBytes = quantity(last("max-size"), "max-size", SIZES);
  const maxAgeMs = quantity(last("max-age"), "max-age", AGES);
  return { ...(maxBytes !== undefined && { maxBytes }), ...(maxAgeMs !== undefined && { maxAgeMs }) };
}

function upstreamOf(last: Last, isReadOnly: boolean, environment: NodeJS.ProcessEnv): UpstreamServers {
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

function number(
  last: Last,
  name: string,
  { most, otherwise }: { readonly most: number; readonly otherwise: number },
): number {
  const text = last(name);
  if (text === undefined) return otherwise;
  if (!/^\d{1,9}$/.test(text) || Number(text) > most)
    refuseWords(`--${name} is \`${text}\`, not a number up to ${most}`);
  return Number(text);
}
