/** Where the index of a feed stands, and what of it is signed, for each format of packages. */
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { compressionOfBytes, compressionOfName, decompress } from "@tsbake/archive";
import { BuildError, type Diagnostic } from "@tsbake/base";
import { badFeed } from "../problems.js";

/** Of an index, unpacked: that of all of Debian has 50 MiB. */
const LARGEST = 96 << 20;
const LARGEST_REPOMD = 1 << 20;

export type IndexFormat = "ipk" | "rpm";

/** A file of the feed, by its name there; undefined where there is none. @throws BuildError for one with more bytes, and where it cannot be had */
export type GetFile = (name: string, mostBytes: number) => Promise<Buffer | undefined>;

export interface FoundIndex {
  /** A stanza a package as Debian has them, whatever the feed has. */
  readonly packages: Buffer;
  /** The bytes that signatures are of. */
  readonly signed: Buffer;
}

export interface IndexLayout {
  /** What signatures are of, by the name that it is kept under. */
  readonly signedName: "Packages" | "repomd.xml";
  /** Names of signatures below `folder`: usign's and binary OpenPGP's, armoured OpenPGP's. */
  readonly signatures: readonly string[];
  /** Where the index is in the feed. */
  readonly folder: "" | "repodata/";
  /**
   * @param feed what to call it in errors
   * @param isFolder of this machine; else it is on a server
   * @throws BuildError `packaging/bad-feed`
   */
  read(feed: string, get: GetFile, isFolder: boolean): Promise<FoundIndex>;
}

export const INDEX_LAYOUTS: Readonly<Record<IndexFormat, IndexLayout>> = {
  ipk: {
    signedName: "Packages",
    signatures: ["Packages.sig", "Packages.asc"],
    folder: "",
    read: readPackages,
  },
  rpm: {
    signedName: "repomd.xml",
    signatures: ["repomd.xml.asc"],
    folder: "repodata/",
    read: readRepodata,
  },
};

/** A file that is larger than any whole one. */
export function tooLarge(feed: string, name: string, most: number): Diagnostic {
  return badFeed(
    feed,
    `${name} has more than ${most >= 1 << 20 ? `${most >> 20} MiB` : `${most >> 10} KiB`}`,
  );
}

/** As opkg-make-index writes it. */
async function readPackages(feed: string, get: GetFile, isFolder: boolean): Promise<FoundIndex> {
  // What a folder has unpacked was written last; a server sends what is packed sooner.
  const names = isFolder ? ["Packages", "Packages.gz"] : ["Packages.gz", "Packages"];
  for (const name of names) {
    const bytes = await get(name, LARGEST);
    if (bytes === undefined) continue;
    const packages = name.endsWith(".gz") ? await unpacked(feed, name, bytes) : bytes;
    return { packages, signed: packages };
  }
  throw new BuildError([badFeed(feed, "it has neither Packages nor Packages.gz")]);
}

/** As createrepo_c writes it. */
async function readRepodata(feed: string, get: GetFile): Promise<FoundIndex> {
  const name = "repodata/repomd.xml";
  const signed = await get(name, LARGEST_REPOMD);
  if (signed === undefined) throw new BuildError([badFeed(feed, `it has no ${name}`)]);
  // Only who has feeds of this format pays for its reader.
  const { packagesOfPrimary, readRepomd, XmlFault } = await import("../rpm/repository/index.js");
  const inFile = <T>(file: string, read: () => T): T => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof XmlFault)) throw error;
      throw new BuildError([badFeed(feed, `${file}: ${error.message}`)]);
    }
  };
  const { file, algorithm, digest } = inFile(name, () => readRepomd(signed));
  const bytes = await get(file, LARGEST);
  if (bytes === undefined) throw new BuildError([badFeed(feed, `${name} names ${file}, which is not there`)]);
  if (createHash(algorithm).update(bytes).digest("hex") !== digest)
    throw new BuildError([badFeed(feed, `${file} does not have the digest that ${name} says`)]);
  const primary = await unpacked(feed, file, bytes);
  return { packages: Buffer.from(inFile(file, () => packagesOfPrimary(primary))), signed };
}

async function unpacked(feed: string, name: string, bytes: Buffer): Promise<Buffer> {
  const damaged = new BuildError([badFeed(feed, `${name} is damaged`)]);
  // A page of HTML where an index was asked for.
  if (compressionOfBytes(bytes) !== compressionOfName(name)) throw damaged;
  const pieces: Buffer[] = [];
  let size = 0;
  try {
    for await (const piece of decompress(Readable.from([bytes]), `${name} of ${feed}`)) {
      size += piece.length;
      if (size > LARGEST) throw new BuildError([tooLarge(feed, name, LARGEST)]);
      pieces.push(piece);
    }
  } catch (error) {
    if (!(error instanceof BuildError) || error.diagnostics[0]?.code !== "archive/damaged") throw error;
    throw damaged;
  }
  return Buffer.concat(pieces);
}
