/** Packages with what is in them: decompressed, and where it lies. */
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { eachLimited } from "@tsbake/base";
import type { Planned } from "../database/backend.js";
import type { Brought } from "../layout/listing.js";
import { parseStanzas } from "../deb/stanza.js";
import { openRpm } from "../rpm/format/opened.js";
import { isAdminFile } from "../rpm/scriptlets.js";
import { type ControlFiles, isRpm, readControls } from "./control.js";
import { plainMembers, PlainMembers } from "./members.js";
import { type PlainTar, readPlainTar } from "./plain-tar.js";

export interface OpenedPackage extends Brought {
  readonly one: Planned;
  /** `name` or, for packages that may be there in several architectures, `name:arch`: how `info/` calls it. */
  readonly key: string;
  readonly control: ControlFiles;
  /** Undefined when it is not laid out, or not as dpkg-deb writes it. */
  readonly tar: PlainTar | undefined;
  /** Holds the contents of `tar`. */
  readonly fd: number;
}

/** Packages that are being opened; the contents are gone when the block is left. */
export interface PackageContents extends AsyncDisposable {
  /** In the given order. @throws BuildError `packaging/bad-deb` */
  readonly packages: Promise<readonly OpenedPackage[]>;
}

export type IsWanted = (one: Planned, control: ControlFiles) => boolean;

/**
 * Begins at once.
 *
 * @param isWanted whose files are asked for, beside the control members
 * @param beside what the folder is called after in which the contents are meanwhile
 */
export function openPackages(
  packages: readonly Planned[],
  isWanted: IsWanted,
  beside: string,
): PackageContents {
  const files = new PlainMembers();
  const opening = mkdtemp(`${beside}.contents-`);
  const opened = opening.then((scratch) => open(packages, isWanted, files, scratch));
  // Whoever waits for it is told of a failure, at once or late.
  const settled = Promise.allSettled([opened]);
  return {
    packages: opened,
    async [Symbol.asyncDispose]() {
      await settled;
      files[Symbol.dispose]();
      await opening.then((scratch) => rm(scratch, { recursive: true, force: true }));
    },
  };
}

/** By the packages that they are of. */
const ahead = new WeakMap<readonly Planned[], PackageContents>();

/** Opens what is going to be unpacked on a tree while other things are done: {@link openedAhead} finds it. */
export function openAhead(packages: readonly Planned[], beside: string): AsyncDisposable {
  const contents = openPackages(packages, (_, control) => !control.has("preinst"), beside);
  ahead.set(packages, contents);
  return contents;
}

/** What `openAhead` has opened for this very list of packages; undefined where nothing was. */
export function openedAhead(packages: readonly Planned[]): PackageContents | undefined {
  return ahead.get(packages);
}

async function open(
  packages: readonly Planned[],
  isWanted: IsWanted,
  files: PlainMembers,
  scratch: string,
): Promise<OpenedPackage[]> {
  const controls = await readControls(packages);
  const wanted = packages.filter((one, at) => isWanted(one, controls[at]!));
  const others = wanted.filter((one) => !isRpm(one));
  const members = await plainMembers(
    "data",
    others.map(({ path }) => path),
    files,
    scratch,
  );
  const places = new Map(others.map((one, at) => [one, members[at]!]));
  const rpms = new Map(
    await eachLimited([...wanted.filter(isRpm).entries()], availableParallelism(), async ([at, one]) => {
      const fd = files.file(join(scratch, `rpm-${at}`));
      const entries = await openRpm(one.path, fd, (path) => !isAdminFile(path));
      return [one, { fd, tar: { entries, hasRoot: false } }] as const;
    }),
  );
  return packages.map((one, at) => {
    const place = places.get(one);
    const rpm = rpms.get(one);
    const tar = rpm?.tar ?? (place && readPlainTar(place.fd, place.at, place.sizeBytes));
    const entries = tar?.entries.map(({ entry }) => entry) ?? [];
    return {
      one,
      key: keyOf(one),
      control: controls[at]!,
      tar,
      fd: rpm?.fd ?? place?.fd ?? -1,
      files: entries.filter(({ kind }) => kind !== "directory").map(({ path }) => path),
      folders: entries
        .filter(({ kind }) => kind === "directory")
        .map(({ path, mode, uid, gid }) => ({ name: path, isFolder: true, mode, owner: `${uid}:${gid}` })),
    };
  });
}

function keyOf(one: Planned): string {
  const isShared = parseStanzas(one.stanza).stanzas[0]?.get("Multi-Arch") === "same";
  return isShared ? `${one.name}:${one.architecture}` : one.name;
}
