/** What an object is called: OE-core's layout, so that a mirror of one can hold the other. */
export interface ObjectName {
  /** SSTATE_PKGSPEC: `sstate:PN:arch-vendor-os:PV:PR:pkgarch:14:` */
  readonly spec: string;
  readonly unihash: string;
  /** With or without `do_`. */
  readonly task: string;
}
/** Path below the store's folder: `ab/cd/<spec><unihash>_<task>.tar.zst`. */
export declare function objectPath(name: ObjectName): string;

/** A place that holds artifacts. An object is never replaced by other bytes; it appears whole or not at all. */
export interface Store {
  /** Which of these are there; one batch, so that a mirror can ask in parallel. */
  find(names: readonly ObjectName[]): Promise<Set<ObjectName>>;
  /**
   * A local, verified file of the object (fetched first when it is remote), or undefined when it is not there.
   * A damaged object is moved away, reported through `onWarning`, and undefined is returned.
   */
  get(name: ObjectName): Promise<string | undefined>;
  /** Takes over the finished file at `path` (same file system not required). */
  put(name: ObjectName, path: string, description: string): Promise<void>;
}

export interface StoreOptions {
  readonly onWarning: (message: string) => void;
}
export declare function openFolderStore(folder: string, options: StoreOptions): Store;
/** Asks `first`, then the others in order; what a later one has is copied into `first`. `put` goes to `first`. */
export declare function chainStores(first: Store, others: readonly Store[]): Store;
/** SSTATE_MIRRORS: `regex replacement` pairs; http(s):// and file://. */
export declare function openMirrors(mirrors: string, options: StoreOptions): readonly Store[];

/** Folders to pack: `name` is the folder's name inside the artifact. */
export interface ArtifactFolder {
  readonly name: string;
  readonly path: string;
}
/**
 * Packs folders into a reproducible tar (sorted, mtimes clamped to `epochSeconds`, numeric owners, xattrs), zstd when
 * available, else gzip; hard links inside are kept.
 */
export declare function packArtifact(
  folders: readonly ArtifactFolder[],
  out: string,
  epochSeconds: number,
): Promise<void>;
/** Unpacks into the given folders, which are emptied first. Refuses entries that leave them. @throws BuildError `sstate/…` */
export declare function unpackArtifact(archive: string, folders: readonly ArtifactFolder[]): Promise<void>;
