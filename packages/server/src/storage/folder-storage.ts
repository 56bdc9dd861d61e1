/** Objects in a folder, laid out as SSTATE_DIR is: builds of this machine, rsync and others may write into it, too. */
import { constants, lstatSync } from "node:fs";
import { access, open, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ifThere, makeFolder, reasonOf, sha256File, writeFileAtomic } from "@tsbake/base";
import {
  digestIn,
  folderCatalog,
  INCOMING,
  publishFile,
  publishObject,
  removeStored,
  sidecarOf,
  sidecarText,
  sidecarTextOf,
  touchObject,
  type Catalog,
  type StoredObject,
} from "@tsbake/sstate";
import { readPieces } from "./file-reader.js";
import { ServedFiles } from "./served-files.js";
import { SMALL_BYTES, SmallFiles } from "./small-files.js";
import { Spool, type SpoolFile } from "./spool.js";
import { wholeOf } from "./storage.js";
import type { ByteRange, Incoming, IncomingFacts, KeptFile, ObjectStorage } from "./storage.js";
import type { ServedBytes, ServedFile, StoragePath } from "./storage.js";

const USE_IS_NOTED_MS = 3_600_000;
const COUNT_EVERY_MS = 300_000;

/** @param folder is made when it is not there @throws system errors */
export async function openFolderStorage(folder: string): Promise<ObjectStorage> {
  await makeFolder(folder);
  return new FolderStorage(folder);
}

class FolderStorage implements ObjectStorage {
  readonly countEveryMs = COUNT_EVERY_MS;
  readonly #folder: string;
  readonly #files: ServedFiles;
  readonly #small = new SmallFiles();
  readonly #spool: Spool;
  readonly #catalog: Catalog;

  constructor(folder: string) {
    this.#folder = folder;
    this.#files = new ServedFiles(folder);
    this.#spool = new Spool(join(folder, INCOMING));
    this.#catalog = folderCatalog(folder);
  }

  find(path: string): ServedFile | undefined | Promise<ServedFile> {
    // At once: a look at one name takes a few microseconds, and handing it to another thread several times that.
    const found = lstatSync(`${this.#folder}/${path}`, { throwIfNoEntry: false });
    if (!found?.isFile()) return undefined;
    return this.#files.known(path, found) ?? this.#files.read(path, found);
  }

  small(path: string, found: ServedFile): Buffer | undefined | Promise<Buffer | undefined> {
    if (found.sizeBytes > SMALL_BYTES) return undefined;
    return this.#small.get(path, found) ?? this.#readSmall(path, found);
  }

  async exist(paths: readonly string[]): Promise<readonly boolean[]> {
    const there: boolean[] = [];
    for (const path of paths) there.push((await this.find(path)) !== undefined);
    return there;
  }

  async read(path: string, found: ServedFile, range: ByteRange): Promise<ServedBytes | undefined> {
    if (found.sizeBytes <= SMALL_BYTES)
      return (await this.small(path, found))?.subarray(range.start, range.end + 1);
    const file = await this.#open(path, found);
    return file && ((write) => readPieces(file, range, write));
  }

  async #readSmall(path: string, found: ServedFile): Promise<Buffer | undefined> {
    const file = await this.#open(path, found);
    if (!file) return undefined;
    const bytes = Buffer.allocUnsafe(found.sizeBytes);
    let done = 0;
    const isWhole = await readPieces(file, wholeOf(found), (piece) => {
      done += piece.copy(bytes, done);
      return Promise.resolve();
    });
    if (!isWhole) return undefined;
    this.#small.keep(path, found, bytes);
    return bytes;
  }

  /** What somebody has put into the place of an object, a link or a FIFO, is none. */
  async #open(path: string, { modifiedMs }: ServedFile): Promise<FileHandle | undefined> {
    const full = join(this.#folder, path);
    const file = await ifThere(open(full, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK));
    // What is used stays when the folder is tidied by age.
    if (file && Date.now() - modifiedMs > USE_IS_NOTED_MS) await touchObject(full);
    return file;
  }

  async digest({ path, kind }: StoragePath): Promise<string | undefined> {
    const full = join(this.#folder, path);
    if (!(await this.find(path))) return undefined;
    if (kind !== "object") return ifThere(sha256File(full));
    const known = digestIn((await sidecarTextOf(full)) ?? "");
    if (known !== undefined) return known;
    // Of a tool that makes none, such as BitBake.
    const digest = await ifThere(sha256File(full));
    if (digest !== undefined) await writeFileAtomic(sidecarOf(full), sidecarText(full, digest));
    return digest;
  }

  async receive(): Promise<Incoming> {
    return new Upload(this.#folder, await this.#spool.open());
  }

  async remove({ object }: StoragePath): Promise<boolean> {
    return (await this.find(object)) !== undefined && removeStored(join(this.#folder, object));
  }

  list(onProgress?: (files: number) => void): Promise<StoredObject[]> {
    return this.#catalog.list(onProgress);
  }

  removeUnused(object: StoredObject): Promise<boolean> {
    return this.#catalog.removeUnused(object);
  }

  async fault(): Promise<string | undefined> {
    try {
      await access(this.#folder, constants.R_OK | constants.X_OK);
      return undefined;
    } catch (error) {
      return reasonOf(error).replaceAll(this.#folder, "the folder");
    }
  }

  close(): Promise<void> {
    return this.#spool.close();
  }
}

class Upload implements Incoming {
  readonly #folder: string;
  readonly #file: SpoolFile;

  constructor(folder: string, file: SpoolFile) {
    this.#folder = folder;
    this.#file = file;
  }

  write(piece: Uint8Array): Promise<void> {
    return this.#file.write(piece);
  }

  async publish({ path, kind }: StoragePath, { digest, signature }: IncomingFacts): Promise<KeptFile> {
    await this.#file.sync();
    const target = join(this.#folder, path);
    await makeFolder(dirname(target));
    if (kind === "object")
      return publishObject(target, this.#file.path, { digest, description: undefined, signature });
    if (await publishFile(this.#file.path, target)) return { digest, wasThere: false };
    return { digest: await sha256File(target), wasThere: true };
  }

  discard(): Promise<void> {
    return this.#file.discard();
  }
}
