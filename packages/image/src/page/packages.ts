/** Packages of an image by what their files take, those of its base, and the biggest files. */
import { html, type Markup } from "@tsbake/base/page";
import type { LayerFacts, PackageFact } from "../facts/facts.js";
import { allFiles, plural, type ResultRequest } from "../facts/result.js";
import { biggestFiles, biggestPackages, contentBytes, readableSize } from "../facts/size.js";
import { type Cell, filterBox, sizeCell, table } from "./tables.js";

/** Who needs a package: so many are named, the others counted. */
const MOST_NAMED = 3;
const BIGGEST_FILES = 15;
const MOST_IN_STRIP = 12;
/** A narrower part of the strip has no room for its name. */
const LABELLED_PERCENT = 7;

export function packagesSection(request: ResultRequest): Markup {
  const { facts } = request;
  const files = allFiles(request);
  const sizes = new Map(
    biggestPackages(files, Number.POSITIVE_INFINITY).map(({ name, sizeBytes }) => [name, sizeBytes]),
  );
  const whole = contentBytes(files);
  const owned = [...sizes.values()].reduce((sum, one) => sum + one, 0);
  const most = Math.max(whole - owned, ...sizes.values());
  // Recipes say it; in the packages of an archive it is a file among others.
  const hasLicences = facts.packages.some(({ licence }) => licence !== undefined);
  const why = reasons(facts);
  const bySize = facts.packages.toSorted(
    (left, right) => (sizes.get(right.name) ?? 0) - (sizes.get(left.name) ?? 0),
  );
  const rows = bySize.map((one): Cell[] => [
    one.name,
    sizeCell(sizes.get(one.name) ?? 0, most),
    one.version,
    why(one),
    ...(hasLicences ? [one.licence ?? ""] : []),
  ]);
  const others: Cell[] = [
    html`<i>no package</i>`,
    sizeCell(whole - owned, most),
    "",
    "made by scripts, or for the image",
    ...(hasLicences ? [""] : []),
  ];
  const columns = [
    { title: "Package", kind: "name" },
    { title: "Size", kind: "size" },
    { title: "Version", kind: "name wide" },
    { title: "Why it is there" },
    ...(hasLicences ? [{ title: "Licence", kind: "wide" }] : []),
  ];
  return html`${strip(sizes, whole)} ${filterBox("packages", "part of a name")}
  ${table("Packages", columns, whole > owned ? [...rows, others] : rows, { sorts: true, allIn: "the .json beside this page" })}
  ${facts.inBase.length > 0 && inBase(facts)}`;
}

/** The biggest packages side by side; the table says the same. */
function strip(sizes: ReadonlyMap<string, number>, whole: number): Markup | false {
  if (whole === 0) return false;
  const parts = [...sizes].slice(0, MOST_IN_STRIP).map(([name, bytes]) => {
    const percent = (100 * bytes) / whole;
    return html`<span style="flex:0 0 ${percent.toFixed(2)}%" title="${name} ${readableSize(bytes)}"
      >${percent >= LABELLED_PERCENT && name}</span
    >`;
  });
  return html`<div class="strip" aria-hidden="true">${parts}</div>`;
}

/** Why each package is in the image, for people. */
function reasons(facts: LayerFacts): (one: PackageFact) => string {
  const neededBy = new Map<string, string[]>();
  for (const { name, depends } of facts.packages)
    for (const need of depends) neededBy.set(need, [...(neededBy.get(need) ?? []), name]);
  return ({ name, isEssential }) => {
    const users = neededBy.get(name) ?? [];
    const more = users.length - MOST_NAMED;
    const parts = [
      ...(facts.requested.includes(name) ? ["asked for"] : []),
      ...(isEssential ? ["in every base"] : []),
      ...(users.length > 0
        ? [`needed by ${users.slice(0, MOST_NAMED).join(", ")}${more > 0 ? ` and ${more} more` : ""}`]
        : []),
    ];
    return parts.join("; ");
  };
}

function inBase({ inBase: there, packages }: LayerFacts): Markup {
  const needed = new Set(packages.flatMap(({ depends }) => depends));
  const used = there.filter(({ name }) => needed.has(name)).length;
  const rows = there.map((one): Cell[] => [
    one.name,
    one.version,
    one.architecture,
    needed.has(one.name) ? "needed by this extension" : "",
  ]);
  const columns = [
    { title: "Package", kind: "name" },
    { title: "Version", kind: "name" },
    { title: "Architecture", kind: "wide" },
    { title: "" },
  ];
  return html`<details>
    <summary>
      In the base: ${plural(there.length, "package")}, of which this extension needs ${used} itself
    </summary>
    ${table("Packages of the base", columns, rows, { allIn: "the .packages.json beside this page" })}
  </details>`;
}

export function filesSection(request: ResultRequest): Markup | undefined {
  const files = allFiles(request);
  const biggest = biggestFiles(files, BIGGEST_FILES);
  if (biggest.length === 0) return undefined;
  const owners = new Map(files.map(({ path, package: owner }) => [path, owner]));
  const most = biggest[0]!.sizeBytes;
  const rows = biggest.map(({ name, sizeBytes }): Cell[] => [
    name,
    sizeCell(sizeBytes, most),
    owners.get(name) ?? "",
  ]);
  const columns = [
    { title: "Path", kind: "name" },
    { title: "Size", kind: "size" },
    { title: "Package", kind: "name" },
  ];
  const sum = biggest.reduce((total, { sizeBytes }) => total + sizeBytes, 0);
  return html`<p class="soft">
      ${plural(biggest.length, "file")}, ${readableSize(sum)} of ${readableSize(contentBytes(files))}
    </p>
    ${table("Biggest files", columns, rows, { allIn: "the .json beside this page" })}`;
}
