/** Package URLs: how scanners of vulnerabilities find out what a package is. */
import type { LayerFacts, PackageFact } from "../../facts/facts.js";

/**
 * A package of the archive is `pkg:deb/VENDOR/NAME@VERSION?arch=…&distro=…`. What a recipe made is nobody's package, also where it
 * has the name of one: `pkg:generic/NAME@VERSION?arch=…`.
 *
 * @see the package-url specification, types `deb` and `generic`
 */
export function packageUrl(
  one: Pick<PackageFact, "name" | "version" | "architecture" | "origin">,
  { id, version }: LayerFacts["distribution"],
): string {
  const isDebian = one.origin === "archive" && id !== undefined;
  const type = isDebian ? `deb/${encoded(id.toLowerCase())}` : "generic";
  const distribution =
    isDebian && version !== undefined ? `&distro=${encoded(`${id.toLowerCase()}-${version}`)}` : "";
  return `pkg:${type}/${encoded(one.name)}@${encoded(one.version)}?arch=${encoded(one.architecture)}${distribution}`;
}

/** Percent-encoded but for letters, digits, `. - _ ~` and the colon. */
export function encoded(text: string): string {
  // A half of a surrogate pair has no UTF-8.
  const whole = text.replace(/\p{Surrogate}/gu, "\ufffd");
  return encodeURIComponent(whole)
    .replaceAll("%3A", ":")
    .replace(/[!'()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`);
}
