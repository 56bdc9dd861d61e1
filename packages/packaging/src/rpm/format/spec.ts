/** What an rpm says, before it is bytes. */

export interface RpmFile {
  /** Absolute within the tree. */
  readonly path: string;
  readonly kind: "file" | "directory" | "symlink";
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number;
  /** Names: an rpm has no numbers. */
  readonly user: string;
  readonly group: string;
  readonly mtimeSeconds: number;
  /** Bytes of content; 0 for everything but files. */
  readonly sizeBytes: number;
  /** Of a link. */
  readonly target?: string;
  /** The path of another one of these whose content this is: a hard link. */
  readonly hardlink?: string;
  /** In the words of setcap(8), e.g. `cap_net_raw=ep`. */
  readonly capabilities?: string;
  /** A configuration file, of which a changed one stays and the new one is laid beside it. */
  readonly isConfig: boolean;
  /** The bytes of a file that is no hard link. */
  readonly content?: () => AsyncIterable<Buffer> | Iterable<Buffer>;
}

/** `name`, or `name OPERATOR version`; or a rich dependency `(a or b)`. */
export interface RpmRelation {
  readonly name: string;
  readonly operator: "" | "<" | "<=" | "=" | ">=" | ">";
  /** `[epoch:]version[-release]`; "" without an operator. */
  readonly version: string;
  /** What runs before or after the package is unpacked needs it. */
  readonly forScript?: "preInstall" | "postInstall";
}

export const RELATION_KINDS = [
  "require",
  "provide",
  "conflict",
  "obsolete",
  "recommend",
  "suggest",
  "enhance",
] as const;
export type RelationKind = (typeof RELATION_KINDS)[number];

export const SCRIPT_KINDS = [
  "preInstall",
  "postInstall",
  "preUninstall",
  "postUninstall",
  "preTransaction",
  "postTransaction",
] as const;
export type ScriptKind = (typeof SCRIPT_KINDS)[number];

/** Epoch, version and release. */
export interface Evr {
  readonly epoch: number;
  readonly version: string;
  readonly release: string;
}

export interface RpmSpec extends Evr {
  readonly name: string;
  /** rpm's word: `x86_64`, `noarch`. */
  readonly architecture: string;
  readonly summary: string;
  readonly description: string;
  readonly license: string;
  readonly group: string;
  readonly packager: string;
  readonly url: string;
  /** Name of what it was made of. */
  readonly source: string;
  readonly buildSeconds: number;
  readonly relations: Readonly<Partial<Record<RelationKind, readonly RpmRelation[]>>>;
  /** Text for /bin/sh. */
  readonly scripts: Readonly<Partial<Record<ScriptKind, string>>>;
  readonly files: readonly RpmFile[];
  /** The control stanza of the Debian package that it is, then name and text of each other member of its control archive. */
  readonly origin?: readonly string[];
}

/** `[epoch:]version-release`. */
export function evrText({ epoch, version, release }: Evr): string {
  return `${epoch === 0 ? "" : `${epoch}:`}${version}-${release}`;
}
