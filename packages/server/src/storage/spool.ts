/** Bytes that come in, in a file that nobody sees until all are there. */
import { open, rm, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
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
    this.#folder ??= this.#make();
    const folder = await this.#folder;
    const path = join(folder, `${this.#count++}`);
    return new SpoolFile(folder, path, await open(path, "wx", 0o644));
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
