/** The two kinds of extension: what systemd-sysext merges, and what systemd-confext does. */

export interface ExtensionKind {
  readonly word: "sysext" | "confext";
  /** What is merged, in words. */
  readonly hierarchies: string;
  /** The folder that is always there. */
  readonly top: string;
  /** Whether a path is in a hierarchy that is merged, or is one. */
  readonly isMerged: (path: string) => boolean;
  /** Where the stamp lies. */
  readonly releases: string;
  /** What names of fields in the stamp begin with. */
  readonly prefix: "SYSEXT" | "CONFEXT";
  /** Where files of tmpfiles.d and sysusers.d can lie. */
  readonly configuration: string;
  /** Units, their drop-ins and links. */
  readonly units: RegExp;
}

/** @see systemd-sysext(8), os-release(5) */
const SYSEXT: ExtensionKind = {
  word: "sysext",
  hierarchies: "/usr and /opt",
  top: "/usr",
  isMerged: (path) => /^\/(usr|opt)(\/|$)/.test(path),
  releases: "/usr/lib/extension-release.d",
  prefix: "SYSEXT",
  configuration: "/usr/lib",
  units: /^\/usr\/lib\/systemd\/(system|user)\//,
};

/** Since systemd 254. */
const CONFEXT: ExtensionKind = {
  word: "confext",
  hierarchies: "/etc",
  top: "/etc",
  isMerged: (path) => /^\/etc(\/|$)/.test(path),
  releases: "/etc/extension-release.d",
  prefix: "CONFEXT",
  configuration: "/etc",
  units: /^\/etc\/systemd\/(system|user)\//,
};

export const EXTENSION_KINDS = { sysext: SYSEXT, confext: CONFEXT } as const;

/** What an extension is, by the fields of its stamp; `sysext` where none says. */
export function kindOfRelease(fields: Iterable<string>): ExtensionKind {
  return [...fields].some((field) => field.startsWith(`${CONFEXT.prefix}_`)) ? CONFEXT : SYSEXT;
}

/** What a tree is, by where its stamp is; `sysext` without one. */
export function kindOfTree(has: (path: string) => boolean): ExtensionKind {
  return has(CONFEXT.releases) ? CONFEXT : SYSEXT;
}
