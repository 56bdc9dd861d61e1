/** What a package manager gets of the build in a shell. */
import type { Bind } from "@tsbake/sandbox";

export interface SessionParts {
  /** Path in the root → content. */
  readonly files: ReadonlyMap<string, string | Buffer>;
  /** Programs of the session: path in the root → text. */
  readonly programs: ReadonlyMap<string, string>;
  /** Path in the root → path of this machine. */
  readonly copies: ReadonlyMap<string, string>;
  /** Path in the root → target. */
  readonly links: ReadonlyMap<string, string>;
  readonly binds: readonly Bind[];
}

/** Where packages of recipes are in a root. */
export const PACKAGES = "/run/tsbake/packages";
