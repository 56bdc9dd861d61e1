/** Bytes that come in, in a file that nobody sees until all are there. */
import { open, rm, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { makeFolder, needSpace, scratchFolder } from "@tsbake/base";

/** As much of the disk is left to others; it is looked at that often. */
const LEFT_FREE_BYTES = 64 << 20;
const LOOK_EVERY_BYTES = 32 << 20;

/** A folder for them. Those of a server that was killed go when the next one makes its own. */
export class Spool {
  readonly #parent: string;
  #folder: Promise<string> | undefined;
  #count = 0;

  /** @param parent made when something comes */
  constructor(parent: string) {
    this.#parent = parent;
  }

  /** @throws system errors */
  async open(): Promise<SpoolFile> {
    const path = await this.place();
    return new SpoolFile(dirname(path), path, await open(path, "wx", 0o644));
  }

  /** The path of a file that is not there. @throws system errors */
  async place(): Promise<string> {
    this.#folder ??= this.#make();
    return join(await this.#folder, `${this.#count++}`);
  }

  async #make(): Promise<string> {
    await makeFolder(this.#parent);
    return scratchFolder(join(this.#parent, "run-"));
  }

  async close(): Promise<void> {
    if (this.#folder) await rm(await this.#folder, { recursive: true, force: true });
  }
}

export class SpoolFile {
  readonly path: string;
  readonly #folder: string;
  readonly #file: FileHandle;
  #written = 0;
  #nextLook = 0;

  constructor(folder: string, path: string, file: FileHandle) {
    this.#folder = folder;
    this.path = path;
    this.#file = file;
  }

  get bytes(): number {
    return this.#written;
  }

  /** @throws system errors; BuildError `base/disk-full` */
  async write(piece: Uint8Array): Promise<void> {
    if (this.#written >= this.#nextLook) {
      needSpace(this.#folder, piece.length + LEFT_FREE_BYTES, "an upload");
      this.#nextLook = this.#written + LOOK_EVERY_BYTES;
    }
    for (let at = 0; at < piece.length;) {
      const { bytesWritten } = await this.#file.write(piece, at);
      at += bytesWritten;
    }
    this.#written += piece.length;
  }

  /** It is on the disk. */
  sync(): Promise<void> {
    return this.#file.sync();
  }

  /** Whatever still has its first name goes. */
  async discard(): Promise<void> {
    await this.#file.close();
    await rm(this.path, { force: true });
  }
}
