/** `check`: what of an extension will not work on its base, found before it ships. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type FileEntry, TarFile } from "@tsbake/archive";
import { BuildError } from "@tsbake/base";
import type { Arguments, Command } from "@tsbake/base/program";
import { openBackend } from "@tsbake/packaging";
import { checkExtension, inOrder } from "../check/check.js";
import { type Base, type Extension, skippedIn } from "../check/context.js";
import { baseOf } from "../check/base.js";
import { type Finding, formatCheckReport } from "../check/finding.js";
import { MUST_BE_REBUILT } from "../check/rules/rebuild.js";
import { CODES } from "../check/rules/table.js";
import { directNeeds } from "../facts/closure.js";
import { otherVersions, parseFacts } from "../facts/facts.js";
import { parseFileManifest } from "../facts/file-manifest.js";
import { parseExtensionFacts } from "../facts/result.js";
import { tarTree } from "../check/inspect/tree.js";
import * as problems from "../problems.js";
import { readAllowances } from "../rules/index.js";
import { type BaseSource, readBase } from "../check/verdict/base-source.js";
import { onFurtherBase } from "../check/verdict/further-base.js";
import type { OsRelease } from "../snapshot/os-release.js";
import { DATABASE_FOLDER, openSnapshot, type Snapshot } from "../snapshot/snapshot.js";
import { snapshotFolder } from "../snapshot/archive.js";

const MODES = ["error", "warn"] as const;

export const check: Command = {
  summary: "looks for what of an extension will not work on its base",
  options: {
    tree: { value: "FILE", help: "tar of the extension", isRequired: true },
    files: { value: "FILE", help: "file manifest of the extension", isRequired: true },
    facts: { value: "FILE", help: "packages.json of do_rootfs", isRequired: true },
    extension: { value: "FILE", help: "extension.json of the extension", isRequired: true },
    companion: { value: "DIR", help: "image.tar and files.jsonl of the confext that comes with it" },
    base: { value: "PATH", help: "the base's snapshot: folder or archive", isRequired: true },
    also: { value: "NAME=PATH …", help: "snapshots of further bases on which it has to work" },
    mode: { value: "MODE", help: `what an error does: ${MODES.join(" or ")}`, isRequired: true },
    rebuild: { value: "MODE", help: "what it does that packages of the base must be rebuilt: warn or error" },
    allow: { value: "CODE:PATTERN …", help: "findings that are meant to be" },
    "required-commands": { value: "NAMES", help: "commands that have to be there" },
    "required-paths": { value: "PATHS", help: "paths that have to be there" },
    work: { value: "DIR", help: "a folder to work in", isRequired: true },
    output: { value: "FILE", help: "the findings, as JSON", isRequired: true },
    warnings: { value: "FILE", help: "a line a warning", isRequired: true },
  },
  async run(args, say) {
    const mode = args.text("mode");
    if (mode !== "error" && mode !== "warn")
      throw new BuildError([problems.badArgument(`SYSEXT_CHECK is \`${mode}\`, not error, warn or off`)]);
    const isAllowed = allowedBy(args.words("allow"));
    using tar = new TarFile(args.text("tree"));
    const beside = args.optional("companion");
    using confext = beside === undefined ? undefined : new TarFile(join(beside, "image.tar"));
    const { baseName, release, ...built } = await extensionOf(args, tar);
    const companion = beside && confext && tarTree(confext, await entriesIn(join(beside, "files.jsonl")));
    const extension = { ...built.extension, ...(companion && { companion }) };
    const snapshot = await openSnapshot(await snapshotFolder(args.text("base"), args.text("work")));
    const base = await baseOf(snapshot, baseName);
    // It costs a look into the whole database.
    const packages = extension.changed ? await packagesOf(snapshot) : undefined;
    const found = checkExtension(extension, { ...base, ...(packages && { packages }) });
    const first = [...found];
    for (const word of args.words("also")) {
      const further = furtherBase(word, args.text("work"));
      found.push(...onFurtherBase(extension, await readBase(further), release, first));
    }
    const isStrict = args.optional("rebuild") === "error";
    const all = inOrder(
      found.map((one) =>
        isStrict && one.code === MUST_BE_REBUILT ? { ...one, severity: "error" as const } : one,
      ),
    );
    const findings = all.filter((one) => !isAllowed(one));
    const allowed = all.filter(isAllowed);
    const report = { format: 1, extension: extension.name, base: baseName, findings, allowed } as const;
    await writeFile(args.text("output"), formatCheckReport(report));
    const errors = mode === "error" ? findings.filter(({ severity }) => severity === "error") : [];
    const warnings = findings.filter((one) => !errors.includes(one)).map(lineOf);
    await writeFile(args.text("warnings"), warnings.map((line) => `${line}\n`).join(""));
    say(`${errors.length} errors, ${warnings.length} warnings, ${allowed.length} findings allowed`);
    if (errors.length > 0) throw new BuildError(errors.map(problems.willNotWork));
  },
};

async function extensionOf(
  args: Arguments,
  tar: TarFile,
): Promise<{ readonly extension: Extension; readonly baseName: string; readonly release: OsRelease }> {
  const [files, facts, about] = [args.text("files"), args.text("facts"), args.text("extension")];
  const entries = await entriesIn(files);
  const { skippedScripts, changedInBase } = parseFacts(await readFile(facts, "utf8"), facts);
  const changed = otherVersions(changedInBase);
  const { name, base, report, needs, release } = parseExtensionFacts(await readFile(about, "utf8"), about);
  const known = new Set(report.flatMap(({ path, decision }) => (decision === "shadows-base" ? [path] : [])));
  return {
    baseName: base,
    release: new Map(Object.entries(release)),
    extension: {
      name,
      tree: tarTree(tar, entries),
      mayHide: (path) => known.has(path),
      skippedScripts: skippedIn(skippedScripts),
      ...(needs && { needs }),
      ...(changed.length > 0 && { changed }),
      requiredCommands: args.words("required-commands"),
      requiredPaths: args.words("required-paths"),
    },
  };
}

async function packagesOf({ folder, facts }: Snapshot): Promise<NonNullable<Base["packages"]>> {
  const { packages } = await openBackend(facts.backend).readSnapshot(join(folder, DATABASE_FOLDER), facts);
  const needs = directNeeds(packages);
  return packages.map((one) => ({ name: one.name, depends: needs(one).map(({ name }) => name) }));
}

async function entriesIn(path: string): Promise<FileEntry[]> {
  return parseFileManifest(await readFile(path, "utf8"), path);
}

/** A word of `--also`. */
function furtherBase(word: string, scratch: string): BaseSource {
  const at = word.indexOf("=");
  if (at < 1) throw new BuildError([problems.badArgument(`--also has \`${word}\`, not NAME=PATH`)]);
  return { name: word.slice(0, at), path: word.slice(at + 1), scratch };
}

function lineOf({ code, path, package: owner, message, help }: Finding): string {
  return `${code}: ${path}${owner === undefined ? "" : ` of package ${owner}`}: ${message}; ${help}`;
}

/**
 * Words of SYSEXT_CHECK_ALLOW.
 *
 * @throws BuildError `image/bad-allowance`, one diagnostic a word that is none
 */
function allowedBy(words: readonly string[]): (finding: Finding) => boolean {
  const codes = [...new Set(CODES.map(({ code }) => code))];
  const allows = readAllowances("SYSEXT_CHECK_ALLOW", words, codes);
  return ({ code, path }) => allows(code, path);
}
