/**
 * The host's apt archive as a source of packages: solved and verified without root and without touching the host. Here are its lists
 * and the answers that are kept until these change; `apt-closure.ts` asks apt.
 */
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import {
  AT_ONCE,
  BuildError,
  byText,
  demandSuccess,
  eachLimited,
  ifThere,
  lockPath,
  readTextIfThere,
  run,
  sha256,
  sha256File,
  sortedUnique,
  syncPath,
  writeFileAtomic,
} from "@tsbake/base";
import type { Lock } from "@tsbake/base";
import { aptMessages, openApt } from "./apt.js";
import type { Apt } from "./apt.js";
import { parseClosure, writeClosure } from "./closure.js";
import type { Closure } from "./closure.js";
import { replaceLink } from "./download.js";
import { withHostArchive } from "./host-archive.js";
import { hostSettings } from "./host.js";
import { feedUnreachable, noApt } from "../problems.js";
import { solveClosure, type ClosureRequest } from "./apt-closure.js";

// `@tsbake/packaging/feed` is this file: solving a closure, which every build does, loads no code that unpacks one.
export { writeClosure, type Closure } from "./closure.js";
export {
  openFeedIndex,
  updateFeedIndex,
  writeFeedIndexes,
  type FeedIndex,
  type FeedIndexOptions,
} from "./feed-index.js";
export type { ClosureRequest } from "./apt-closure.js";
export { shareOfArchive, type ArchiveShare } from "./beside-archive.js";
export { readFeedKey, type FeedKey } from "./index-signature.js";

/** Which archive, and for which machine. */
export interface FeedOptions {
  /**
   * `${DL_DIR}/feed`. Each set of sources and each architecture has a folder of its own below it, with private apt state,
   * lists and cached solutions: builds with other ones may share it.
   */
  readonly folder: string;
  /** deb822 or one-line sources instead of the host's; the address `host:` is that of the host's own release. */
  readonly sources?: string;
  /** Debian architecture; default: the host's. */
  readonly architecture?: string;
  /** @param percent how far apt is with it, 0 to 100 */
  readonly onProgress?: (text: string, percent?: number) => void;
  readonly onWarning?: (text: string) => void;
}

/** An archive of which this machine may have the lists. */
export interface Feed {
  /** Digest of the lists that are there: SHA-256 in hex, or undefined when there are none. */
  listsDigest(): Promise<string | undefined>;
  /** Fetches the lists. @throws BuildError `packaging/feed-unreachable` */
  update(): Promise<void>;
  /**
   * Solves each request (lists are fetched first when there are none); answers come from the disk when neither the
   * lists nor the request changed, and then apt is not started.
   * @throws BuildError `packaging/not-in-feed`, `packaging/unsolvable`, `packaging/feed-unreachable`
   */
  closures(requests: readonly ClosureRequest[]): Promise<Closure[]>;
  /** The lists that are there (fetched first when there are none), as files that apt itself has made. @throws BuildError `packaging/feed-unreachable` */
  listFiles(): Promise<readonly string[]>;
}

/** Opening costs no process: apt is only started when something has to be asked. */
export async function openFeed(options: FeedOptions): Promise<Feed> {
  const { architecture = "host" } = options;
  const sources = options.sources && (await withHostArchive(options.sources));
  const about = sources === undefined ? `host\n${await hostSettings()}` : `own\n${sources}`;
  const folder = join(options.folder, sha256(`${architecture}\n${about}`).slice(0, 16));
  await mkdir(folder, { recursive: true });
  return new AptFeed({ ...options, ...(sources === undefined ? {} : { sources }), folder });
}

/** The Debian architecture of this machine. @throws BuildError `packaging/no-apt` without dpkg */
export async function hostArchitecture(): Promise<string> {
  const asked = await ifThere(run("dpkg", ["--print-architecture"]));
  if (!asked) throw new BuildError([noApt("dpkg")]);
  return asked.stdout.trim();
}

class AptFeed implements Feed {
  readonly #options: FeedOptions;
  #apt: Promise<Apt> | undefined;

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  async listsDigest(): Promise<string | undefined> {
    return (await readTextIfThere(this.#identityPath()))?.trim() || undefined;
  }

  async update(): Promise<void> {
    await using _lock = await this.#lock();
    await this.#update();
  }

  /** Under the lock. */
  async #update(): Promise<void> {
    const { folder, onProgress, onWarning } = this.#options;
    const apt = await this.#open();
    onProgress?.("fetching the package lists");
    const done = await apt.run("apt-get", ["-o", "APT::Status-Fd=1", "update"], {
      onOutput: (text) => {
        // It guesses the whole as it goes along: a percentage may fall.
        const percent = [...text.matchAll(/^dlstatus:\d+:([\d.]+):/gm)].at(-1)?.[1];
        if (percent !== undefined) onProgress?.("fetching the package lists", Math.floor(Number(percent)));
      },
    });
    const messages = [...aptMessages(done, "E"), ...aptMessages(done, "W")];
    const lists = await readdir(join(folder, "lists"));
    if (!lists.some((name) => /_Packages(\.|$)/.test(name)))
      throw new BuildError([feedUnreachable(messages)]);
    // What it could not fetch it complains of, and the lists of before stay. Without a word, it has not worked at all.
    if (messages.length === 0) demandSuccess("apt-get", done);
    for (const line of messages) onWarning?.(line);
    // Of an archive that is a folder, apt keeps links to its lists: they would change with the archive.
    await eachLimited(lists, 4, async (name) => replaceLink(join(folder, "lists", name)));
    await this.#measure();
  }

  async closures(requests: readonly ClosureRequest[]): Promise<Closure[]> {
    const known = await this.#known(await this.listsDigest(), requests);
    if (known.every((answer) => answer !== undefined)) return known;
    // From the look at the lists to the last answer: nobody may change them in between, and all answers are of one state.
    await using _lock = await this.#lock();
    if ((await this.listsDigest()) === undefined) await this.#update();
    const identity = await this.#measure();
    const answers = await this.#known(identity, requests);
    const open = answers.flatMap((answer, index) => (answer ? [] : [index]));
    const solve = async (index: number | undefined): Promise<void> => {
      const request = index === undefined ? undefined : requests[index];
      if (index === undefined || !request) return;
      if (request.roots.length > 0) this.#options.onProgress?.(`solving ${request.roots.join(" ")}`);
      const closure = await solveClosure(await this.#open(), request);
      await writeFileAtomic(this.#closurePath(identity, request), writeClosure(closure));
      answers[index] = closure;
    };
    // The first alone: it makes apt's cache, which the others then share.
    await solve(open.shift());
    const worker = async (): Promise<void> => {
      while (open.length > 0) await solve(open.shift());
    };
    await Promise.all([worker(), worker()]);
    return answers.flatMap((answer) => answer ?? []);
  }

  async listFiles(): Promise<readonly string[]> {
    if ((await this.listsDigest()) === undefined) await this.update();
    const folder = join(this.#options.folder, "lists");
    const entries = await readdir(folder, { withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile() && entry.name !== "lock");
    return files.map(({ name }) => join(folder, name)).sort(byText);
  }

  #known(
    identity: string | undefined,
    requests: readonly ClosureRequest[],
  ): Promise<(Closure | undefined)[]> {
    const cached = async (request: ClosureRequest) =>
      identity === undefined ? undefined : this.#cached(identity, request);
    return eachLimited(requests, AT_ONCE, cached);
  }

  #lock(): Promise<Lock> {
    const { folder, onProgress } = this.#options;
    return lockPath(folder, {
      onWait: (holder) => onProgress?.(`waiting for ${holder}, which has the package lists`),
    });
  }

  /**
   * Takes the digest of the lists that are there, and keeps it. What is kept may be of older lists: a process that was killed
   * while it fetched some.
   */
  async #measure(): Promise<string> {
    const { folder } = this.#options;
    const lists = (await readdir(join(folder, "lists"))).sort(byText);
    const counted = lists.filter((name) => /_(In)?Release$|_Packages(\.\w+)?$/.test(name));
    const digests = await eachLimited(
      counted,
      4,
      async (name) => `${name} ${await sha256File(join(folder, "lists", name))}`,
    );
    const identity = sha256(digests.join("\n"));
    if ((await this.listsDigest()) === identity) return identity;
    // apt does not sync them, and lists that a power cut has damaged would be solved with.
    for (const name of counted) syncPath(join(folder, "lists", name));
    await writeFileAtomic(this.#identityPath(), `${identity}\n`);
    return identity;
  }

  #open(): Promise<Apt> {
    const { folder, sources, architecture } = this.#options;
    this.#apt ??= (async () =>
      openApt(folder, {
        architecture: architecture ?? (await hostArchitecture()),
        hasCache: true,
        ...(sources === undefined ? {} : { sources }),
      }))();
    return this.#apt;
  }

  #identityPath(): string {
    return join(this.#options.folder, "lists.id");
  }

  #closurePath(identity: string, request: ClosureRequest): string {
    const flags = `${request.recommends === true} ${request.essential === true}`;
    const { wanted = [] } = request;
    const more = wanted.length === 0 ? [] : ["", ...wanted.map((names) => names.join(" "))];
    const key = sha256(["closure 1", identity, flags, ...sortedUnique(request.roots), ...more].join("\n"));
    return join(this.#options.folder, "closures", `${key.slice(0, 32)}.json`);
  }

  async #cached(identity: string, request: ClosureRequest): Promise<Closure | undefined> {
    const path = this.#closurePath(identity, request);
    const text = await readTextIfThere(path);
    try {
      return text === undefined ? undefined : parseClosure(text, path);
    } catch (error) {
      // It is a cache: one that is damaged is solved anew.
      if (!(error instanceof BuildError)) throw error;
      return undefined;
    }
  }
}
