/**
 * A storage with another server behind it: what is not here is fetched from there, verified against its checksum, kept, and handed
 * on while it comes. The server behind is a convenience: whatever is wrong with it, what is here is served.
 */
import { createReadStream } from "node:fs";
import { eachLimited, HttpClient, isUnreachable, messageOf, quoted, redact, sha256 } from "@tsbake/base";
import { digestIn, sidecarOf, storedFile } from "@tsbake/sstate";
import type { Catalog, StoredObject } from "@tsbake/sstate";
import { API_HEADER, existAt } from "@tsbake/sstate/remote";
import type { Log } from "../log.js";
import { Recent, Spool, toldSidecar } from "../storage/index.js";
import type {
  ByteRange,
  Incoming,
  ObjectStorage,
  ServedBytes,
  ServedFile,
  StoragePath,
} from "../storage/index.js";
import { Breaker } from "./breaker.js";
import { Pull } from "./pull.js";

export interface UpstreamOptions {
  /** Below which the objects are; with a login where one is needed. */
  readonly url: string;
  /** Objects stand here until they are whole. */
  readonly spool: string;
  readonly log: Log;
  readonly maxObjectBytes: number;
  /** Of silence. Default: 10,000. */
  readonly timeoutMs?: number;
  /** How long a server that is down is left alone. Default: 30,000. */
  readonly pauseMs?: number | undefined;
}

const TIMEOUT_MS = 10_000;
const RETRY_PAUSE_MS = 200;
const CONNECTIONS = 64;
const LONGEST_SIDECAR = 4096;
const LONGEST_BESIDE = 32 << 20;
/** What is not there may be there soon: somebody builds it. */
const ABSENT = { ms: 15_000, most: 200_000 };
const PRESENT = { ms: 60_000, most: 50_000 };
/** A question for each costs less than asking for all at once. */
const WORTH_ASKING_TOGETHER = 8;

interface Remote extends ServedFile {
  readonly digest: string;
}

export class UpstreamStorage implements ObjectStorage {
  readonly #near: ObjectStorage;
  readonly #options: UpstreamOptions;
  readonly #client: HttpClient;
  readonly #breaker: Breaker;
  readonly #spool: Spool;
  readonly #absent = new Recent<true>(ABSENT);
  readonly #present = new Recent<Remote>(PRESENT);
  readonly #pulls = new Map<string, Promise<Pull>>();
  /** Its answers say whether it can be asked for many at once. */
  #offersMany = true;

  constructor(near: ObjectStorage, options: UpstreamOptions) {
    this.#near = near;
    this.#options = options;
    this.#client = new HttpClient({
      timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
      maxConnections: CONNECTIONS,
      maxBytes: options.maxObjectBytes,
      retryPauseMs: RETRY_PAUSE_MS,
    });
    this.#spool = new Spool(options.spool);
    const { log, pauseMs } = options;
    this.#breaker = new Breaker({
      ...(pauseMs !== undefined && { pauseMs }),
      onChange: (reason) =>
        reason === undefined
          ? log.info("upstream-up")
          : log.warn("upstream-down", { reason: redact(reason) }),
    });
  }

  get countEveryMs(): number {
    return this.#near.countEveryMs;
  }

  async find(path: string): Promise<ServedFile | undefined> {
    return (await this.#near.find(path)) ?? this.#remote(path);
  }

  async #remote(path: string): Promise<ServedFile | undefined> {
    if (this.#absent.get(path) || this.#breaker.isDown) return undefined;
    const stored = storedFile(path);
    if (stored?.kind === "object") return this.#object(path);
    if (stored?.kind === "sha256") {
      const object = await this.#object(stored.object);
      return object && toldSidecar(stored.object, object.digest, object.modifiedMs).found;
    }
    // Signature and description: small, and kept as they are.
    const bytes = await this.#bytes(path, LONGEST_BESIDE);
    if (!bytes) return undefined;
    await this.#keep(path, [bytes], sha256(bytes));
    return this.#near.find(path);
  }

  /** What the upstream server has of an object; without a checksum nobody could verify it, and it has none. */
  async #object(path: string): Promise<Remote | undefined> {
    const known = this.#present.get(path);
    if (known) return known;
    if (this.#absent.get(path)) return undefined;
    const found = await this.#breaker.guard(undefined, async () => {
      const { status, headers } = await this.#client.head(this.#urlOf(path));
      this.#offersMany = headers[API_HEADER] !== undefined;
      if (!isThere(status)) return undefined;
      const sizeBytes = Number(headers["content-length"]);
      const modifiedMs = Date.parse(headers["last-modified"] ?? "");
      return { sizeBytes, modifiedMs: Number.isNaN(modifiedMs) ? Date.now() : modifiedMs };
    });
    const sidecar = found && (await this.#bytes(sidecarOf(path), LONGEST_SIDECAR));
    const digest = digestIn(sidecar?.toString() ?? "");
    if (!found || digest === undefined || !Number.isSafeInteger(found.sizeBytes) || found.sizeBytes === 0) {
      // Not what it has not answered.
      if (!this.#breaker.isDown) this.#absent.keep(path, true);
      return undefined;
    }
    const remote = { ...found, digest, etag: `"${digest}"`, changed: `upstream ${digest}` };
    this.#present.keep(path, remote);
    return remote;
  }

  async #bytes(path: string, most: number): Promise<Buffer | undefined> {
    const bytes = await this.#breaker.guard(undefined, async () => {
      const answer = await this.#client.bytes(this.#urlOf(path), most);
      return isThere(answer.status) ? answer.bytes : undefined;
    });
    if (!bytes && !this.#breaker.isDown) this.#absent.keep(path, true);
    return bytes;
  }

  async exist(paths: readonly string[]): Promise<readonly boolean[]> {
    const there = [...(await this.#near.exist(paths))];
    const missing = paths.map((_one, at) => at).filter((at) => !there[at] && !this.#absent.get(paths[at]!));
    const together =
      this.#offersMany && missing.length >= WORTH_ASKING_TOGETHER
        ? await this.#breaker.guard(undefined, () =>
            existAt(
              this.#client,
              this.#options.url,
              missing.map((at) => paths[at]!),
            ),
          )
        : undefined;
    if (together) {
      missing.forEach((at, place) => {
        there[at] = together[place] ?? false;
        if (!there[at]) this.#absent.keep(paths[at]!, true);
      });
      return there;
    }
    if (this.#breaker.isDown) return there;
    const answers = await eachLimited(
      missing,
      CONNECTIONS,
      async (at) => (await this.#remote(paths[at]!)) !== undefined,
    );
    missing.forEach((at, place) => (there[at] = answers[place]!));
    return there;
  }

  async read(path: string, found: ServedFile, range: ByteRange): Promise<ServedBytes | undefined> {
    const stored = storedFile(path);
    if (stored?.kind === "sha256") {
      const remote = this.#present.get(stored.object);
      const told = remote && toldSidecar(stored.object, remote.digest, remote.modifiedMs);
      if (told?.found.etag === found.etag) return told.bytes.subarray(range.start, range.end + 1);
    }
    const remote = this.#present.get(path);
    if (remote?.changed !== found.changed) return this.#near.read(path, found, range);
    // It may have come meanwhile.
    const here = await this.#near.find(path);
    if (here) return here.etag === found.etag ? this.#near.read(path, here, range) : undefined;
    return (await this.#pull(path, remote)).read(range);
  }

  #pull(path: string, remote: Remote): Promise<Pull> {
    const under = this.#pulls.get(path);
    if (under) return under;
    const pull = this.#begin(path, remote);
    this.#pulls.set(path, pull);
    // Whoever waits for it is told; here it only ends.
    pull.catch((_error: unknown) => this.#pulls.delete(path));
    return pull;
  }

  async #begin(path: string, { sizeBytes, digest }: Remote): Promise<Pull> {
    const signature = await this.#bytes(`${path}.sig`, LONGEST_SIDECAR);
    const pull = await Pull.begin({
      client: this.#client,
      url: this.#urlOf(path),
      path: await this.#spool.place(),
      sizeBytes,
      digest,
      onWhole: (file) => this.#keep(path, createReadStream(file), digest, signature),
    });
    void pull.done.then((error) => {
      this.#pulls.delete(path);
      const { log } = this.#options;
      if (error === undefined) log.info("pulled", { path, bytes: sizeBytes, sha256: digest });
      else {
        // What was seen is not what there is.
        this.#present.forget(path);
        if (!isUnreachable(error)) this.#absent.keep(path, true);
        log.warn("pull-failed", { path, reason: redact(messageOf(error)) });
      }
    });
    return pull;
  }

  async #keep(
    path: string,
    pieces: Iterable<Buffer> | AsyncIterable<Buffer>,
    digest: string,
    signature?: Buffer,
  ): Promise<void> {
    const incoming = await this.#near.receive();
    try {
      for await (const piece of pieces) await incoming.write(piece);
      await incoming.publish({ ...storedFile(path)!, path }, { digest, signature });
    } finally {
      await incoming.discard();
    }
  }

  #urlOf(path: string): string {
    return `${this.#options.url}/${quoted(path)}`;
  }

  digest(path: StoragePath): Promise<string | undefined> {
    return this.#near.digest(path);
  }

  receive(): Promise<Incoming> {
    return this.#near.receive();
  }

  remove(path: StoragePath): Promise<boolean> {
    return this.#near.remove(path);
  }

  list: Catalog["list"] = (onProgress) => this.#near.list(onProgress);

  removeUnused(object: Pick<StoredObject, "path" | "usedMs">): Promise<boolean> {
    return this.#near.removeUnused(object);
  }

  fault(): Promise<string | undefined> {
    return this.#near.fault();
  }

  async close(): Promise<void> {
    this.#client.close();
    for (const pull of this.#pulls.values()) await (await pull).done;
    await this.#spool.close();
    await this.#near.close();
  }
}

/** @throws Error where it is neither there nor not there */
function isThere(status: number): boolean {
  if (status === 200) return true;
  if (status === 404 || status === 410) return false;
  throw new Error(`the upstream server answers ${status}`);
}
