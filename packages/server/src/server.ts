/** The whole server: HTTP, hash equivalence, pruning, and the end of all three. */
import { dirname, join } from "node:path";
import {
  BuildError,
  every,
  makeFolder,
  makeFolderSync,
  messageOf,
  reasonOf,
  type Repetition,
} from "@tsbake/base";
import { listStore, pruneStore } from "@tsbake/sstate";
import {
  hashUserToken,
  HashListeners,
  openSqlDatabase,
  Statistics,
  type EquivalenceDatabase,
} from "./equivalence/index.js";
import { listen, route, type HttpContext, type Listener, type Pages } from "./http/index.js";
import type { Log } from "./log.js";
import { openMetrics, type Metrics } from "./metrics.js";
import type { ServerOptions } from "./options.js";
import { cannotListen, unusableFolder } from "./problems.js";
import { statusPage, type StatusFacts } from "./status-page.js";
import { openFolderStorage } from "./storage/index.js";
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

const PRUNE_EVERY_MS = 3_600_000;
const COUNT_EVERY_MS = 300_000;

/** @throws BuildError `server/…` */
export async function startServer(options: ServerOptions, log: Log): Promise<Server> {
  const { folder, state } = options;
  const tokenFile = join(state, "tokens.json");
  const storage = await opened(folder, () => openFolderStorage(folder));
  const firstToken = await opened(state, () => firstTokenOf(state, tokenFile));
  const metrics = openMetrics();
  const usage = new Usage(metrics);
  const tokens = await Tokens.open(tokenFile, (reason) => log.error("tokens", { reason }));
  const guesses = new Guesses();
  const database = openSqlDatabase(join(state, "hash-equivalences.db"));
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
  };
  const upkeep = new Upkeep(options, log, metrics);
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
      log: context.log,
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
        text: async () => ((await storage.fault()) === undefined ? "ok\n" : "the objects cannot be read\n"),
      },
    ],
    ["/metrics", { type: "text/plain; version=0.0.4; charset=utf-8", text: () => metrics.text() }],
  ]);
}

/** Counting and pruning, now and then. */
class Upkeep {
  readonly #options: ServerOptions;
  readonly #log: Log;
  readonly #metrics: Metrics;
  /** As of the last count. */
  facts: StatusFacts = { objects: [], countedMs: undefined };
  #repetitions: Repetition[] = [];
  #running: Promise<void> = Promise.resolve();
  #hasStopped = false;

  constructor(options: ServerOptions, log: Log, metrics: Metrics) {
    this.#options = options;
    this.#log = log;
    this.#metrics = metrics;
    metrics.gauge("objects", "Objects at the last count.", () => this.#objects().length);
    metrics.gauge("object_bytes", "Their bytes.", () =>
      this.#objects().reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    );
  }

  start(): void {
    const options = { onError: (error: unknown) => this.#failed(error), keepsAlive: false };
    const { maxBytes, maxAgeMs } = this.#options.prune;
    const isBounded = !this.#options.readOnly && (maxBytes !== undefined || maxAgeMs !== undefined);
    this.#repetitions = [
      every(COUNT_EVERY_MS, () => this.#enqueue(() => this.#count()), options),
      ...(isBounded ? [every(PRUNE_EVERY_MS, () => this.#enqueue(() => this.#prune()), options)] : []),
    ];
    this.#enqueue(() => this.#count());
    if (isBounded) this.#enqueue(() => this.#prune());
  }

  async stop(): Promise<void> {
    this.#hasStopped = true;
    for (const one of this.#repetitions) one.stop();
    await this.#running;
  }

  #enqueue(work: () => Promise<void>): void {
    this.#running = this.#running.then(async () => {
      if (this.#hasStopped) return;
      try {
        await work();
      } catch (error) {
        this.#failed(error);
      }
    });
  }

  #objects(): StatusFacts["objects"] {
    return this.facts.objects.filter(({ kind }) => kind === "object");
  }

  async #count(): Promise<void> {
    this.facts = { objects: await listStore(this.#options.folder), countedMs: Date.now() };
  }

  async #prune(): Promise<void> {
    const { removed, freedBytes, keptBytes } = await pruneStore(this.#options.folder, this.#options.prune);
    this.#metrics.add("pruned_objects_total", undefined, removed.length);
    this.#log.info("pruned", { objects: removed.length, freedBytes, keptBytes });
  }

  #failed(error: unknown): void {
    this.#log.error("upkeep", { reason: messageOf(error) });
  }
}
