/** What people get beside an image: the manifest for machines, the report and a few lines to read. */
import type { FileEntry } from "@tsbake/archive";
import { sortedUnique } from "@tsbake/base";
import { list, readData } from "@tsbake/base/data";
import * as v from "valibot";
import type { LayerFacts, PackageFact, ScriptFact, TemplateFacts } from "./facts.js";
import { biggestFiles, biggestPackages, contentBytes, readableSize, sizedText } from "./size.js";
import { Reported } from "./reported.js";
import * as problems from "../problems.js";

/** What the extension step knows and later steps tell. */
const ExtensionFacts = v.object({
  /** The image's name without `.raw`. */
  name: v.string(),
  /** The recipe of the base. */
  base: v.string(),
  /** Of the package database of the base, of which a device's level is; for a chain the base at its end. */
  baseDigest: v.string(),
  /** Names of the extensions that it is built on, the lowest first. */
  needs: v.exactOptional(list(v.string())),
  policy: v.string(),
  /** Fields of extension-release, in order. */
  release: v.record(v.string(), v.string()),
  /** The confext image that comes with it: fields of its extension-release. */
  companion: v.exactOptional(v.object({ release: v.record(v.string(), v.string()) })),
  report: list(Reported),
});
export type ExtensionFacts = Readonly<v.InferOutput<typeof ExtensionFacts>>;

/**
 * @param name what to call the text in an error
 * @throws BuildError `image/bad-layer-facts`
 */
export function parseExtensionFacts(text: string, name: string): ExtensionFacts {
  return readData(ExtensionFacts, text, (reason) => problems.badLayerFacts(name, reason));
}

export interface ResultRequest {
  readonly image: string;
  readonly version: string;
  readonly machine: string;
  readonly facts: LayerFacts;
  readonly files: readonly FileEntry[];
  readonly extension?: ExtensionFacts | undefined;
  /** Of the confext image that comes with it. */
  readonly companionFiles?: readonly FileEntry[] | undefined;
  /** What was made: type, file name, bytes (absent for a folder) and digest. */
  readonly outputs: readonly OutputFact[];
}

export interface OutputFact {
  readonly type: string;
  readonly sizeBytes?: number;
  readonly sha256?: string;
}

/** Bytes of package content that the base already has, against a root with the whole closure in it. */
export function savedBytes(facts: LayerFacts): number {
  return Math.max(
    0,
    facts.closure.installedSizeBytes - sum(facts.packages.map((one) => one.installedSizeBytes)),
  );
}

/** The manifest: JSON, indented, ending in a newline; nothing in it depends on when or where it was made. */
export function formatManifest(request: ResultRequest): string {
  const { facts, extension } = request;
  const manifest = {
    format: 1,
    image: request.image,
    version: request.version,
    machine: request.machine,
    backend: facts.backend,
    architecture: facts.architecture,
    distribution: facts.distribution,
    ...(facts.databaseDigest === undefined ? {} : { databaseDigest: facts.databaseDigest }),
    ...(extension === undefined ? {} : { extension: { ...extension, report: undefined } }),
    outputs: request.outputs,
    contentBytes: contentBytes(allFiles(request)),
    ...(facts.baseDigest === undefined
      ? {}
      : { fullClosure: facts.closure, savedBytes: savedBytes(facts), changedInBase: facts.changedInBase }),
    ...(facts.template && {
      template: { ...facts.template, left: undefined },
      changedInBase: facts.changedInBase,
    }),
    packages: facts.packages,
    skippedScripts: facts.skippedScripts,
    decisions: extension?.report ?? facts.template?.left ?? [],
    files: listed(request.files),
    ...(request.companionFiles && { confextFiles: listed(request.companionFiles) }),
  };
  return `${JSON.stringify(manifest, undefined, 1)}\n`;
}

function listed(files: readonly FileEntry[]): object[] {
  return files
    .filter(({ kind }) => kind !== "directory")
    .map(({ path, kind, sizeBytes, package: owner }) => ({ path, kind, size: sizeBytes, package: owner }));
}

/** Of the image and of what comes with it. */
export function allFiles({
  files,
  companionFiles = [],
}: Pick<ResultRequest, "files" | "companionFiles">): FileEntry[] {
  return [...files, ...companionFiles];
}

/** A few lines for people; the engine shows them when a build ends. */
export function formatSummary(request: ResultRequest): string {
  const { facts, extension } = request;
  const size = readableSize(contentBytes(allFiles(request)));
  const count = plural(facts.packages.length, "package");
  const lines: string[] = [];
  if (extension === undefined) lines.push(`${request.image}: ${count}, ${size}`, ...templateLines(facts));
  else {
    const closure = `the full closure of ${plural(facts.closure.count, "package")}`;
    lines.push(
      `${request.image} on ${extension.base}: ${count}, ${size} (saves ${readableSize(savedBytes(facts))} against ${closure})`,
    );
    lines.push(packageLine(facts));
    lines.push(
      `  fits: ${Object.entries(extension.release)
        .map(([name, value]) => `${name}=${value}`)
        .join(" ")}`,
    );
    if (request.companionFiles)
      lines.push(
        `  with ${extension.name}.confext.raw for /etc: ${plural(listed(request.companionFiles).length, "path")}`,
      );
    if (extension.needs) lines.push(`  needs on the device: ${extension.needs.join(" ")}`);
    lines.push(...decisionLines(extension.report));
    lines.push(...scriptLines(facts.skippedScripts));
    for (const change of facts.changedInBase) lines.push(`  changed in the base: ${change}`);
  }
  lines.push(...formatLines(facts));
  lines.push(...biggestLines(allFiles(request)));
  for (const one of request.outputs) {
    lines.push(`  ${one.type}: ${one.sizeBytes === undefined ? "folder" : readableSize(one.sizeBytes)}`);
  }
  for (const warning of facts.warnings) lines.push(`  warning: ${warning}`);
  return lines.map((line) => `${line}\n`).join("");
}

/** One line a path: decision, path, why. */
export function formatReport(report: readonly Reported[]): string {
  return report
    .map((one) => `${one.decision}\t${one.path}\t${one.because}${one.package ? `\t${one.package}` : ""}\n`)
    .join("");
}

/** What was asked for by name and version, what it needs by number. */
/** Of another format than the archive's. */
function formatLines({ backend, packages }: LayerFacts): string[] {
  const made = packages.filter(({ origin }) => origin === "archive").length;
  if (backend === "deb" || made === 0) return [];
  return [`  packages are ${backend}: ${plural(made, "package")} of the archive repackaged`];
}

/** Names that a line has before it ends in a number. */
const MOST_NAMES = 8;

/** What became of a base. */
function templateLines({ template, changedInBase }: LayerFacts): string[] {
  if (template === undefined) return [];
  const named = (what: string, names: readonly string[]): string[] => {
    const more = names.length > MOST_NAMES ? `, and ${names.length - MOST_NAMES} more` : "";
    return names.length > 0 ? [`  ${what}: ${names.slice(0, MOST_NAMES).join(" ")}${more}`] : [];
  };
  const versions = (all: TemplateFacts["added"]): string[] => all.map((one) => one.name);
  const isOther = (change: string): boolean => !/^(added|removed) /.test(change);
  return [
    `  from ${template.base}: ${template.added.length} added, ${template.removed.length} removed`,
    ...named("added", versions(template.added)),
    ...named("removed", versions(template.removed)),
    ...changedInBase.filter(isOther).map((change) => `  changed: ${change}`),
    ...named("nothing needs any more", template.unneeded),
    ...leftLines(template.left),
  ];
}

function leftLines(left: readonly Reported[]): string[] {
  return left.length === 0 ? [] : [`  left behind: ${countsOf(left)} (see the report)`];
}

function packageLine(facts: LayerFacts): string {
  const isRequested = (one: PackageFact): boolean => facts.requested.includes(one.name);
  const requested = facts.packages.filter(isRequested).map((one) => `${one.name} ${one.version}`);
  const needed = facts.packages.length - requested.length;
  const inBase = facts.requested.filter((name) => !facts.packages.some((one) => one.name === name));
  const parts = [...requested];
  if (needed > 0) parts.push(`${plural(needed, "package")} that these need`);
  if (inBase.length > 0) parts.push(`in the base already: ${inBase.join(" ")}`);
  return `  ${parts.join(", ")}`;
}

/** What to look at first where an image is to be smaller. */
function biggestLines(files: readonly FileEntry[]): string[] {
  return [
    ["packages", biggestPackages(files, 3)] as const,
    ["files", biggestFiles(files, 3)] as const,
  ].flatMap(([what, found]) => (found.length > 0 ? [`  biggest ${what}: ${sizedText(found)}`] : []));
}

/** Of what a package's scripts would have made; all of it is in the list of scripts. */
const MOST_MADE = 5;

/** Only scripts that an installation would have run; removal scripts and triggers are in the list of all. */
function scriptLines(skipped: readonly ScriptFact[]): string[] {
  const missed = skipped.filter((one) => ["config", "preinst", "postinst"].includes(one.script));
  if (missed.length === 0) return [];
  const owners = [...new Set(missed.map((one) => one.package))];
  return [
    `  did not run: ${plural(missed.length, "maintainer script")} of ${owners.join(", ")}`,
    ...owners.flatMap((owner) => {
      const made = sortedUnique(
        skipped.filter((one) => one.package === owner).flatMap(({ makes = [] }) => makes),
      );
      const more = made.length > MOST_MADE ? `, and ${made.length - MOST_MADE} more` : "";
      return made.length > 0
        ? [`    ${owner} would have made: ${made.slice(0, MOST_MADE).join(", ")}${more}`]
        : [];
    }),
  ];
}

function decisionLines(report: readonly Reported[]): string[] {
  return report.length === 0
    ? []
    : [`  paths that do not ship as they were: ${countsOf(report)} (see the report)`];
}

function countsOf(report: readonly Reported[]): string {
  const counts = new Map<string, number>();
  for (const one of report) counts.set(one.decision, (counts.get(one.decision) ?? 0) + 1);
  const parts = [...counts]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, count]) => `${count} ${name}`);
  return parts.join(", ");
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

/** `1 package`, `3 packages`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
