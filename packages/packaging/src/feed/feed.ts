/**
 * The host's apt archive as a source of packages: solved and verified without root and without touching the host.
 *
 * Two steps. `apt-get --print-uris` says what would be installed (it knows MD5 only); one `apt-cache show` of all that
 * gives the index stanzas with their SHA-256. The lists were checked against the archive's signature when they came in.
 */
import { mkdir, readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import {
  BuildError,
  lockPath,
  nearest,
  readTextIfThere,
  run,
  sha256,
  sha256File,
  sortedUnique,
  writeFileAtomic,
} from "@tsbake/base";
import { aptComplaints, openApt } from "./apt.js";
import type { Apt } from "./apt.js";
import { parseClosure, writeClosure } from "./closure.js";
import type { Closure, ClosurePackage } from "./closure.js";
import { byNameAndArchitecture } from "../database/database.js";
import { feedUnreachable, noApt, notInFeed, unsolvable } from "../problems.js";
import { parseRelations, parseStanzas, writeStanza } from "../deb/stanza.js";
import { unmetRelations } from "../deb/unmet.js";

export interface FeedOptions {
  /** `${DL_DIR}/feed`: private apt state, lists, cached solutions. */
  readonly folder: string;
  /** deb822 or one-line sources instead of the host's. */
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
}

/** `usr-is-merged` stands in for `usrmerge`, which would bring all of perl into a root that is merged from the start. */
const ESSENTIAL = ["?essential", "?exact-name(usr-is-merged)"];
const ROOT = /^[a-z0-9][a-z0-9+.-]*(?:[=/][A-Za-z0-9.+~:_-]+)?$/;

/** Opening costs no process: apt is only started when something has to be asked. */
export async function openFeed(options: FeedOptions): Promise<Feed> {
  await mkdir(options.folder, { recursive: true });
  return new AptFeed(options);
}

/** The Debian architecture of this machine. @throws BuildError `packaging/no-apt` without dpkg */
export async function hostArchitecture(): Promise<string> {
  const asked = await run("dpkg", ["--print-architecture"]).catch(() => undefined);
  if (asked?.code !== 0) throw new BuildError([noApt("dpkg")]);
  return asked.stdout.trim();
}

class AptFeed implements Feed {
  readonly #options: FeedOptions;
  #apt: Promise<Apt> | undefined;
  #identity: string | undefined;

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  listsDigest(): Promise<string | undefined> {
    return this.#listsIdentity();
  }

  async update(): Promise<void> {
    const { folder, onProgress, onWarning } = this.#options;
    const apt = await this.#open();
    await using _lock = await lockPath(folder, {
      onWait: (holder) => onProgress?.(`waiting for ${holder}, which updates the package lists`),
    });
    onProgress?.("fetching the package lists");
    const done = await apt.run("apt-get", ["-o", "APT::Status-Fd=1", "update"], {
      onOutput: (text) => {
        // It guesses the whole as it goes along: a percentage may fall.
        const percent = [...text.matchAll(/^dlstatus:\d+:([\d.]+):/gm)].at(-1)?.[1];
        if (percent !== undefined) onProgress?.("fetching the package lists", Math.floor(Number(percent)));
      },
    });
    const lists = (await readdir(join(folder, "lists"))).sort();
    const complaints = [...aptComplaints(done, "E"), ...aptComplaints(done, "W")];
    if (!lists.some((name) => /_Packages(\.|$)/.test(name)))
      throw new BuildError([feedUnreachable(complaints)]);
    for (const line of complaints) onWarning?.(line);
    const releases = lists.filter((name) => /_(In)?Release$|_Packages(\.\w+)?$/.test(name));
    const digests = await Promise.all(
      releases.map(async (name) => `${name} ${await sha256File(join(folder, "lists", name))}`),
    );
    this.#identity = sha256(digests.join("\n"));
    await writeFileAtomic(this.#identityPath(), `${this.#identity}\n${this.#sourcesDigest()}\n`);
  }

  async closures(requests: readonly ClosureRequest[]): Promise<Closure[]> {
    if ((await this.listsDigest()) === undefined) await this.update();
    const identity = (await this.#listsIdentity()) ?? "";
    const answers = await Promise.all(requests.map((request) => this.#cached(identity, request)));
    const open = answers.flatMap((answer, index) => (answer ? [] : [index]));
    const solve = async (index: number | undefined): Promise<void> => {
      const request = index === undefined ? undefined : requests[index];
      if (index === undefined || !request) return;
      this.#options.onProgress?.(`solving ${request.roots.join(" ")}`);
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

  #sourcesDigest(): string {
    return sha256(`${this.#options.sources ?? "host"}\n${this.#options.architecture ?? "host"}`);
  }

  /** Undefined when there are no lists, or lists of other sources. */
  async #listsIdentity(): Promise<string | undefined> {
    if (this.#identity === undefined) {
      const [identity, sources] = (await readTextIfThere(this.#identityPath()))?.split("\n") ?? [];
      if (identity && sources === this.#sourcesDigest()) this.#identity = identity;
    }
    return this.#identity;
  }

  #closurePath(identity: string, request: ClosureRequest): string {
    const flags = `${request.recommends === true} ${request.essential === true}`;
    const key = sha256(["closure 1", identity, flags, ...sortedUnique(request.roots)].join("\n"));
    return join(this.#options.folder, "closures", `${key.slice(0, 32)}.json`);
  }

  async #cached(identity: string, request: ClosureRequest): Promise<Closure | undefined> {
    const text = await readTextIfThere(this.#closurePath(identity, request));
    const closure = text === undefined ? "none" : parseClosure(text);
    return typeof closure === "string" ? undefined : closure;
  }

  async #solve(request: ClosureRequest): Promise<Closure> {
    const roots = sortedUnique(request.roots);
    const wrong = roots.filter((root) => !ROOT.test(root));
    if (wrong.length > 0) throw new BuildError(wrong.map((name) => notInFeed(name, [], request.askedBy)));
    const apt = await this.#open();
    const asked = request.essential ? [...ESSENTIAL, ...roots] : roots;
    const recommends = request.recommends ? "--install-recommends" : "--no-install-recommends";
    // With -qq apt would keep to itself why packages do not go together.
    const solved = await apt.run("apt-get", ["install", "-q", "--print-uris", recommends, "--", ...asked]);
    if (solved.code !== 0)
      throw new BuildError(await this.#explain(apt, aptComplaints(solved, "E"), solved.stdout, request));
    const uris = parseUris(solved.stdout);
    const packages = await this.#describe(apt, uris);
    const provided = new Set(packages.flatMap((one) => [one.name, ...providedBy(one.stanza)]));
    const missing = roots.filter((root) => !provided.has(root.replace(/[=/].*$/, "")));
    if (missing.length > 0) throw new BuildError(await this.#unknown(apt, missing, request.askedBy));
    return { roots, packages: packages.sort(byNameAndArchitecture) };
  }

  async #describe(apt: Apt, uris: readonly PrintedUri[]): Promise<ClosurePackage[]> {
    const names = uris.map(({ name, architecture, version }) => `${name}:${architecture}=${version}`);
    if (names.length === 0) return [];
    const shown = await apt.run("apt-cache", ["show", "--", ...names]);
    const byFile = new Map<string, ClosurePackage>();
    for (const stanza of parseStanzas(shown.stdout).stanzas) {
      const path = stanza.get("Filename") ?? "";
      const digest = stanza.get("SHA256") ?? "";
      const uri = uris.find(
        (one) => decodeURIComponent(one.uri).endsWith(`/${path}`) || one.uri.endsWith(path),
      );
      if (path === "" || uri === undefined || !/^[0-9a-f]{64}$/.test(digest)) continue;
      byFile.set(uri.uri, {
        name: uri.name,
        version: uri.version,
        architecture: stanza.get("Architecture") ?? uri.architecture,
        sha256: digest,
        sizeBytes: Number(stanza.get("Size")),
        stanza: writeStanza(stanza),
        file: basename(path),
        uri: uri.uri,
      });
    }
    const lost = uris.filter((one) => !byFile.has(one.uri));
    if (lost.length > 0) {
      throw new BuildError([
        unsolvable(
          [],
          lost.map((one) => `the index has no SHA-256 for ${one.name} ${one.version}`),
        ),
      ]);
    }
    return [...byFile.values()];
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
export function parseUris(text: string): PrintedUri[] {
  const uris: PrintedUri[] = [];
  for (const line of text.split("\n")) {
    const match = /^'([^']+)' ([^ _]+)_([^ _]+)_([^ _]+)\.deb \d+/.exec(line);
    if (!match) continue;
    const [, uri = "", name = "", version = "", architecture = ""] = match;
    uris.push({ uri, name, version: decodeURIComponent(version), architecture });
  }
  return uris;
}

function providedBy(stanza: string): string[] {
  const provides = parseStanzas(stanza).stanzas[0]?.get("Provides");
  return parseRelations(provides).flatMap((group) => group.map(({ name }) => name));
}
