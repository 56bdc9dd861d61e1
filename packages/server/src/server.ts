/** The whole server: HTTP, hash equivalence, pruning, and the end of all three. */
import { dirname, join } from "node:path";
import { BuildError, makeFolder, makeFolderSync, messageOf, reasonOf } from "@tsbake/base";
import { INCOMING } from "@tsbake/sstate";
import {
  hashUserToken,
  HashListeners,
  openEmbeddedDatabase,
  openPostgresDatabase,
  Statistics,
  type EquivalenceDatabase,
} from "./equivalence/index.js";
import { listen, route, type HttpContext, type Listener, type Pages } from "./http/index.js";
import type { Log } from "./log.js";
import { openMetrics } from "./metrics.js";
import type { ServerOptions } from "./command-line/index.js";
import { cannotListen, unusableBucket, unusableFolder } from "./problems.js";
import { statusPage, type StatusFacts } from "./status-page.js";
import { openFolderStorage, openS3Storage, StorageFailure, type ObjectStorage } from "./storage/index.js";
import { Upkeep } from "./upkeep.js";
import { UpstreamStorage, withUpstream } from "./upstream/index.js";
import { addToken, Guesses, listTokens, SCOPES, Tokens } from "./tokens/index.js";
import { Usage } from "./usage.js";

export interface Server {
  /** Under which the objects are: `http://127.0.0.1:8685/sstate`. */
  readonly url: string;
  /** For BB_HASHSERVE, one for each address that is listened on. */
  readonly hashAddresses: readonly string[];
  /** The clear token of a file that this start has made; it is nowhere else. */
  readonly firstToken: string | undefined;
  /** Certificate and key are read again. */
  reload(): void;
  /** Ends what runs, within the time of grace. */
  close(): Promise<void>;
}

/** @throws BuildError `server/…` */
export async function startServer(options: ServerOptions, log: Log): Promise<Server> {
  const { state } = options;
  const tokenFile = join(state, "tokens.json");
  const storage = withUpstreamStorage(await openStorage(options, log), options, log);
  const firstToken = await opened(state, () => firstTokenOf(state, tokenFile));
  const metrics = openMetrics();
  const usage = new Usage(metrics);
  const tokens = await Tokens.open(tokenFile, (reason) => log.error("tokens", { reason }));
  const guesses = new Guesses();
  const database = withUpstreamHashes(await openDatabase(options, log), options, log);
  const { admin } = options;
  if (admin) await makeAdmin(database, admin);
  const hashes = new HashListeners({
    database,
    tokens,
    guesses,
    log,
    metrics,
    statistics: new Statistics(),
    anonymous: options.anonymous,
    readOnly: options.readOnly,
  });
  const upkeep = new Upkeep(storage, options.readOnly ? {} : options.prune, log, metrics);
  const context: HttpContext = {
    storage,
    tokens,
    guesses,
    log,
    metrics,
    usage,
    limits: { maxObjectBytes: options.maxObjectBytes, idleMs: options.idleMs ?? 30_000, minRate: 1000 },
    readOnly: options.readOnly,
    isPrivate: options.isPrivate,
    prune: (bounds) => upkeep.prune(bounds),
  };
  const listener = await openDoor(
    options,
    context,
    hashes,
    pagesOf(context, () => upkeep.facts),
  );
  const hashAddresses: string[] = [];
  for (const address of options.hashListen) hashAddresses.push(await hashes.listen(address));
  const url = `${listener.url}/sstate`;
  upkeep.start();
  log.info("started", { url, hashAddresses, readOnly: options.readOnly });
  return {
    url,
    hashAddresses,
    firstToken,
    reload: () => {
      try {
        listener.reload();
        log.info("reloaded");
      } catch (error) {
        log.error("reload", { reason: messageOf(error) });
      }
    },
    close: async () => {
      log.info("stopping");
      const ended = Promise.all([listener.close(options.graceMs), hashes.close(options.graceMs)]);
      await upkeep.stop();
      await ended;
      await database.close();
      await storage.close();
      log.info("stopped");
    },
  };
}

/** @throws BuildError `server/unusable-folder`, `server/unusable-bucket` */
async function openStorage({ objects, state }: ServerOptions, log: Log): Promise<ObjectStorage> {
  if ("folder" in objects) return opened(objects.folder, () => openFolderStorage(objects.folder));
  try {
    const onTrouble = (reason: string): void => log.warn("bucket", { reason });
    return await openS3Storage({ ...objects, spool: join(state, INCOMING), onTrouble });
  } catch (error) {
    if (!(error instanceof StorageFailure)) throw error;
    throw new BuildError([unusableBucket(objects.bucket, error.message)], { cause: error });
  }
}

/** @throws BuildError `server/unusable-database` */
async function openDatabase({ database, state }: ServerOptions, log: Log): Promise<EquivalenceDatabase> {
  if (database === undefined) return openEmbeddedDatabase(join(state, "hash-equivalences.db"));
  return openPostgresDatabase(database, (reason) => log.warn("database", { reason }));
}

function withUpstreamStorage(near: ObjectStorage, options: ServerOptions, log: Log): ObjectStorage {
  const { upstream, state, maxObjectBytes } = options;
  if (upstream.url === undefined) return near;
  return new UpstreamStorage(near, {
    url: upstream.url,
    spool: join(state, "upstream"),
    log,
    maxObjectBytes,
    pauseMs: upstream.pauseMs,
  });
}

function withUpstreamHashes(
  near: EquivalenceDatabase,
  { upstream }: ServerOptions,
  log: Log,
): EquivalenceDatabase {
  const { hashServer, token, pauseMs } = upstream;
  if (!hashServer) return near;
  const login = token === undefined ? undefined : { username: "token", token };
  return withUpstream(near, { server: hashServer, login, log, pauseMs });
}

async function opened<Result>(folder: string, open: () => Promise<Result>): Promise<Result> {
  try {
    return await open();
  } catch (error) {
    if (error instanceof BuildError) throw error;
    throw new BuildError([unusableFolder(folder, reasonOf(error))], { cause: error });
  }
}

/** A server with writers whom nobody knows would be of no use, and one that takes everything from anybody of less. */
async function firstTokenOf(state: string, path: string): Promise<string | undefined> {
  // Beside hashed tokens there are those of users, in the database.
  await makeFolder(dirname(state));
  makeFolderSync(state, 0o700);
  if ((await listTokens(path)).length > 0) return undefined;
  return addToken(path, "first", SCOPES);
}

async function makeAdmin(
  database: EquivalenceDatabase,
  { username, password }: NonNullable<ServerOptions["admin"]>,
): Promise<void> {
  const change = { permissions: ["@all"], token: hashUserToken(password) };
  if (!(await database.changeUser(username, change))) await database.addUser({ username, ...change });
}

async function openDoor(
  options: ServerOptions,
  context: HttpContext,
  hashes: HashListeners,
  pages: Pages,
): Promise<Listener> {
  try {
    return await listen({
      host: options.host,
      port: options.port,
      ...(options.tls && { tls: options.tls }),
      context,
      onRequest: (request, response) =>
        void route(context, pages, { request, response, address: request.socket.remoteAddress ?? "" }),
      onUpgrade: (request, socket, head) => hashes.upgrade(request, socket, head),
    });
  } catch (error) {
    throw new BuildError([cannotListen(messageOf(error))], { cause: error });
  }
}

function pagesOf({ storage, metrics, usage }: HttpContext, facts: () => StatusFacts): Pages {
  return new Map([
    ["/", { type: "text/html; charset=utf-8", text: () => statusPage(facts(), metrics, usage) }],
    [
      "/healthz",
      {
        type: "text/plain; charset=utf-8",
        text: async () => {
          const fault = await storage.fault();
          // 503: whoever shares the work among several servers leaves this one out.
          if (fault !== undefined) throw new StorageFailure(fault);
          return "ok\n";
        },
      },
    ],
    ["/metrics", { type: "text/plain; version=0.0.4; charset=utf-8", text: () => metrics.text() }],
  ]);
}
