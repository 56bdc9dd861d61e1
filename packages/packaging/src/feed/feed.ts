/**
 * The host's apt archive as a source of packages: solved and verified without root and without touching the host.
 *
 * Two steps. `apt-get --print-uris` says what would be installed (it knows MD5 only); one `apt-cache show` of all that
 * gives the index stanzas with their SHA-256. The lists were checked against the archive's signature when they came in.
 */
import { mkdir, readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import {
  AT_ONCE,
  BuildError,
  batches,
  byText,
  demandSuccess,
  eachLimited,
  ifThere,
  lockPath,
  nearest,
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
import type { Closure, ClosurePackage } from "./closure.js";
import { byNameAndArchitecture } from "../database/database.js";
import { replaceLink } from "./download.js";
import { withHostArchive } from "./host-archive.js";
import { hostSettings } from "./host.js";
import { feedUnreachable, noApt, notInFeed, otherContent, unsolvable } from "../problems.js";
import { parseRelations, parseStanzas, writeStanza } from "../deb/stanza.js";
import type { Stanza } from "../deb/stanza.js";
import { unmetRelations } from "../deb/unmet.js";

// `@tsbake/packaging/feed` is this file: solving a closure, which every build does, loads no code that unpacks one.
export { writeClosure, type Closure } from "./closure.js";
export {
  openFeedIndex,
  updateFeedIndex,
  writeFeedIndexes,
  type FeedIndex,
  type FeedIndexOptions,
} from "./feed-index.js";
export { shareOfArchive, type ArchiveShare } from "./beside-archive.js";
export { readFeedKey, type FeedKey } from "./index-signature.js";

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

export interface ClosureRequest {
  /** Package names, `name=version` or `name/release`. */
  readonly roots: readonly string[];
  /** Who asks, for the error message: recipe and variable. */
  readonly askedBy?: string;
  /** Default false. */
  readonly recommends?: boolean;
  /** Adds every `Essential: yes` package: what a root needs, and a sysroot does not. Default false. */
  readonly essential?: boolean;
  /** Beside the roots, of each the first that the archive has; none is no mistake. */
  readonly wanted?: readonly (readonly string[])[];
}

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

/** `usr-is-merged` stands in for `usrmerge`, which would bring all of perl into a root that is merged from the start. */
const ESSENTIAL = ["?essential", "?exact-name(usr-is-merged)"];
const ROOT = /^[a-z0-9][a-z0-9+.-]*(?:[=/][A-Za-z0-9.+~:_-]+)?$/;

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
      const closure = await this.#solve(request);
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

  async #solve(request: ClosureRequest): Promise<Closure> {
    const roots = sortedUnique(request.roots);
    const wrong = roots.filter((root) => !ROOT.test(root));
    if (wrong.length > 0) throw new BuildError(wrong.map((name) => notInFeed(name, [], request.askedBy)));
    const apt = await this.#open();
    const besides = await this.#there(apt, request.wanted ?? []);
    const asked = [...(request.essential ? ESSENTIAL : []), ...roots, ...besides];
    if (asked.length === 0) return { roots, packages: [] };
    const recommends = request.recommends ? "--install-recommends" : "--no-install-recommends";
    // With -qq apt would keep to itself why packages do not go together.
    const solved = await apt.run("apt-get", ["install", "-q", "--print-uris", recommends, "--", ...asked]);
    const messages = aptMessages(solved, "E");
    // apt itself always says why.
    if (messages.length === 0) demandSuccess("apt-get", solved);
    if (solved.code !== 0) throw new BuildError(await this.#explain(apt, messages, solved.stdout, request));
    const uris = parseUris(solved.stdout);
    const packages = await this.#describe(apt, uris);
    const provided = new Set(packages.flatMap((one) => [one.name, ...providedBy(one.stanza)]));
    const missing = roots.filter((root) => !provided.has(root.replace(/[=/].*$/, "")));
    if (missing.length > 0) throw new BuildError(await this.#unknown(apt, missing, request.askedBy));
    return { roots, packages: packages.sort(byNameAndArchitecture) };
  }

  /** Of each the first that the archive has. */
  async #there(apt: Apt, wanted: readonly (readonly string[])[]): Promise<string[]> {
    if (wanted.length === 0) return [];
    const names = new Set((await apt.run("apt-cache", ["pkgnames"])).stdout.split("\n"));
    return sortedUnique(
      wanted.flatMap((group) => group.find((name) => ROOT.test(name) && names.has(name)) ?? []),
    );
  }

  async #describe(apt: Apt, uris: readonly PrintedUri[]): Promise<ClosurePackage[]> {
    const stanzas = new Map<string, Stanza[]>();
    const wordOf = (one: PrintedUri) => `${one.name}:${one.architecture}=${one.version}`;
    for (const some of batches(uris, (one) => [wordOf(one)])) {
      const shown = await apt.run("apt-cache", ["show", "--", ...some.map(wordOf)]);
      demandSuccess("apt-cache", shown);
      for (const stanza of parseStanzas(shown.stdout).stanzas) {
        const key = `${stanza.get("Package")} ${stanza.get("Version")}`;
        const same = stanzas.get(key);
        if (same) same.push(stanza);
        else stanzas.set(key, [stanza]);
      }
    }
    const found: ClosurePackage[] = [];
    const lost: PrintedUri[] = [];
    for (const uri of uris) {
      const stanza = stanzaOf(uri, stanzas.get(`${uri.name} ${uri.version}`) ?? []);
      if (!stanza) {
        lost.push(uri);
        continue;
      }
      found.push({
        name: uri.name,
        version: uri.version,
        architecture: stanza.get("Architecture") ?? uri.architecture,
        sha256: stanza.get("SHA256") ?? "",
        sizeBytes: Number(stanza.get("Size")),
        stanza: writeStanza(stanza),
        file: basename(stanza.get("Filename") ?? ""),
        uri: uri.uri,
      });
    }
    if (lost.length > 0) {
      throw new BuildError([
        unsolvable(
          [],
          lost.map((one) => `the index has no SHA-256 for ${one.name} ${one.version}`),
        ),
      ]);
    }
    return found;
  }

  async #explain(apt: Apt, errors: readonly string[], said: string, request: ClosureRequest) {
    const unknown = errors.flatMap((line) => {
      const match =
        /Unable to locate package (\S+)|Package '([^']+)' has no|for '([^']+)' was not found|regex '([^']+)'/.exec(
          line,
        );
      const name = match?.slice(1).find((group) => group !== undefined);
      return name ? [name] : [];
    });
    if (unknown.length > 0) return this.#unknown(apt, sortedUnique(unknown), request.askedBy);
    return [unsolvable(unmetRelations(said), errors, request.askedBy)];
  }

  async #unknown(apt: Apt, names: readonly string[], askedBy: string | undefined) {
    // For "is … meant?" only.
    const all = (await apt.run("apt-cache", ["pkgnames"])).stdout.split("\n");
    return names.map((name) => notInFeed(name, nearest(name, all), askedBy));
  }
}

interface PrintedUri {
  readonly uri: string;
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
}

/** `'URI' name_version_arch.deb SIZE HASH` lines; the epoch's colon is written %3a. */
function parseUris(text: string): PrintedUri[] {
  const uris: PrintedUri[] = [];
  for (const line of text.split("\n")) {
    const match = /^'([^']+)' ([^ _]+)_([^ _]+)_([^ _]+)\.deb \d+/.exec(line);
    if (!match) continue;
    const [, uri = "", name = "", version = "", architecture = ""] = match;
    uris.push({ uri, name, version: decodeURIComponent(version), architecture });
  }
  return uris;
}

/**
 * The stanza of what apt would fetch. Two sources can have one version; then the path tells, and where that is the same, too,
 * nobody knows which of two contents is meant. @throws BuildError `packaging/other-content`
 */
function stanzaOf(uri: PrintedUri, stanzas: readonly Stanza[]): Stanza | undefined {
  const path = decodeURIComponent(uri.uri);
  const usable = stanzas.filter((one) => {
    const isSame = [uri.architecture, "all"].includes(one.get("Architecture") ?? "");
    return isSame && one.get("Filename") && /^[0-9a-f]{64}$/.test(one.get("SHA256") ?? "");
  });
  const there = usable.filter((one) => path.endsWith(`/${one.get("Filename")}`));
  const candidates = there.length > 0 ? there : usable;
  const digests = sortedUnique(candidates.map((one) => one.get("SHA256") ?? ""));
  if (digests.length > 1) throw new BuildError([otherContent(uri.name, uri.version, digests)]);
  return candidates[0];
}

function providedBy(stanza: string): string[] {
  const provides = parseStanzas(stanza).stanzas[0]?.get("Provides");
  return parseRelations(provides).flatMap((group) => group.map(({ name }) => name));
}
