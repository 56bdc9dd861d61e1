/** Links that maintainer scripts make by update-alternatives(1), read from their text. */
import { type Values, isKnownPath } from "./values.js";

/** A link that `update-alternatives --install` or its `--slave` makes (update-alternatives(1)). */
export interface AlternativeLink {
  readonly package: string;
  /** What people call, e.g. `/bin/nc`. */
  readonly link: string;
  /** What it would lead to, e.g. `/bin/nc.openbsd`. */
  readonly path: string;
}

/** `--install LINK NAME PATH PRIORITY [--slave LINK NAME PATH]…` */
export function alternativeLinks(args: readonly Values[], owner: string): AlternativeLink[] {
  const links: AlternativeLink[] = [];
  for (const [at, [word]] of args.entries()) {
    if (word !== "--install" && word !== "--slave") continue;
    const paths = args[at + 3] ?? [];
    for (const link of args[at + 1] ?? []) {
      const [path] = paths.length === 1 ? paths : paths.filter((one) => one.startsWith(link));
      if (!isKnownPath(link) || path === undefined || !isKnownPath(path)) continue;
      links.push({ package: owner, link, path });
    }
  }
  return links;
}
