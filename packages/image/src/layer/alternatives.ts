/**
 * Links of update-alternatives: a package's script makes them when it is installed. In an extension no script runs, so a
 * command that is there under such a name only is not there; it is said when the extension is built.
 */
import type { FileEntry } from "@tsbake/archive";
import { byText } from "@tsbake/base";
import type { AlternativeLink } from "@tsbake/packaging";

/** Most links that a sentence names; the others are manual pages of them, as a rule. */
const MOST_NAMED = 8;

/**
 * One sentence a package.
 *
 * @param isThere whether something has the path, in the base or in the extension
 */
export function missingAlternatives(
  links: readonly AlternativeLink[],
  isThere: (path: string) => boolean,
): string[] {
  const byPackage = new Map<string, Map<string, string>>();
  for (const { package: owner, link, path } of links) {
    if (isThere(link)) continue;
    byPackage.set(owner, (byPackage.get(owner) ?? new Map()).set(link, path));
  }
  return [...byPackage]
    .sort(([left], [right]) => byText(left, right))
    .map(([owner, missing]) => {
      // Commands before manual pages.
      const all = [...missing].sort(
        ([left], [right]) => Number(isPage(left)) - Number(isPage(right)) || byText(left, right),
      );
      const named = all.slice(0, MOST_NAMED).map(([link, path]) => `${link} (${path})`);
      const more = all.length > MOST_NAMED ? ` and ${all.length - MOST_NAMED} more` : "";
      return `update-alternatives did not run for ${owner}: not there ${all.length === 1 ? "is" : "are"} ${named.join(", ")}${more}; call what stands in brackets, or have a recipe ship the link`;
    });
}

function isPage(link: string): boolean {
  return link.includes("/man/");
}

/** A link of update-alternatives: to a choice, or the choice itself. */
export function isAlternative({ kind, path, target = "" }: FileEntry): boolean {
  return kind === "symlink" && [path, target].some((one) => one.startsWith("/etc/alternatives/"));
}
