/**
 * The seam between the server and what holds its objects: a folder, a bucket, either with another server behind it. Paths are those of objects and of what stands beside
 * them, relative, and have been checked (`http/names.ts`).
 */
import type { Catalog, StoredFile } from "@tsbake/sstate";

/** A path that the layout knows, with what it is. */
export interface StoragePath extends StoredFile {
  readonly path: string;
}

export interface ServedFile {
  readonly sizeBytes: number;
  /** In quotes; another one for other bytes. */
  readonly etag: string;
  /** ms since 1970. */
  readonly modifiedMs: number;
  /** Another one for each version of the file. */
  readonly changed: string;
}

/** What holds the objects cannot be reached, or answers what it should not: asking again later may help. */
export class StorageFailure extends Error {
  override readonly name = "StorageFailure";
}

/** Bytes of a file, the last one included. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** All bytes of a file. */
export function wholeOf({ sizeBytes }: ServedFile): ByteRange {
  return { start: 0, end: sizeBytes - 1 };
}

/** All of the bytes at once; or a function that hands them over piece by piece. */
export type ServedBytes =
  | Buffer
  /**
   * @param write takes a piece, which is its own until the promise is settled @returns false when the file ends before its time
   */
  | ((write: (piece: Buffer) => Promise<void>) => Promise<boolean>);

/** Bytes on their way into the storage: nobody sees them until they are published. */
export interface Incoming {
  /** @throws system errors; BuildError `base/disk-full` */
  write(piece: Uint8Array): Promise<void>;
  /** On the disk, and under its name. */
  publish(path: StoragePath, about: IncomingFacts): Promise<KeptFile>;
  /** Must be called in any case; after `publish` it does nothing. */
  discard(): Promise<void>;
}

export interface IncomingFacts {
  /** SHA-256 of all that was written. */
  readonly digest: string;
  /** Content of the object's `.sig`. */
  readonly signature: Buffer | undefined;
}

/** What has the name now, and since when. */
export interface KeptFile {
  readonly digest: string;
  readonly wasThere: boolean;
}

export interface ObjectStorage extends Catalog {
  /** Without opening the file. No promise where the answer is at hand. @throws StorageFailure; system errors */
  find(path: string): ServedFile | undefined | Promise<ServedFile | undefined>;
  /** All bytes of a file that is small enough to be kept in memory; undefined for another, and for one that is gone meanwhile. */
  small?(path: string, found: ServedFile): Buffer | undefined | Promise<Buffer | undefined>;
  /** @returns undefined when it is gone meanwhile */
  read(path: string, found: ServedFile, range: ByteRange): Promise<ServedBytes | undefined>;
  /** SHA-256 of what is there; for an object without a checksum it is read, and the checksum written beside it. */
  digest(path: StoragePath): Promise<string | undefined>;
  receive(): Promise<Incoming>;
  /** The object with what stands beside it. @returns whether it was there */
  remove(path: StoragePath): Promise<boolean>;
  /** Which of these are there, in their order. */
  exist(paths: readonly string[]): Promise<readonly boolean[]>;
  /** How often what is there is counted, in ms. */
  readonly countEveryMs: number;
  /** Whether it can be used; the reason when not, without a path. */
  fault(): Promise<string | undefined>;
  close(): Promise<void>;
}
