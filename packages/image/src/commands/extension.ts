/** `sysext`: a layer's tree → the extension's tree, stamp and report. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { byText } from "@tsbake/base";
import { EXTENSION_KINDS } from "../layer/extension-kind.js";
import { LEVEL_POLICIES } from "../layer/extension-release.js";
import { type LayerFacts, parseFacts } from "../facts/facts.js";
import { formatFileManifest } from "../facts/file-manifest.js";
import { parseOsRelease } from "../snapshot/os-release.js";
import { oneOf } from "./one-of.js";
import { type ExtensionFacts, formatReport } from "../facts/result.js";
import { anyOf, parseRules } from "../rules/rules.js";
import { levelDigest, openSnapshot } from "../snapshot/snapshot.js";
import { snapshotFolder } from "../snapshot/archive.js";
import { reportModes } from "../layer/modes.js";
import { makeExtension, type WrittenTree } from "../layer/sysext.js";
import { type Command, EPOCH } from "@tsbake/base/program";

const KINDS = ["sysext", "confext"] as const;

export const sysext: Command = {
  summary: "decides path by path what an extension ships, and stamps it for its base",
  options: {
    tree: { value: "FILE", help: "tar of the layer", isRequired: true },
    files: { value: "FILE", help: "file manifest of the layer", isRequired: true },
    facts: { value: "FILE", help: "packages.json of the layer, for its report" },
    kind: { value: "KIND", help: `what it is: ${KINDS.join(" or ")}; default: ${KINDS[0]}` },
    base: { value: "PATH", help: "the base's snapshot: folder or archive", isRequired: true },
    "base-name": { value: "RECIPE", help: "what to call the base", isRequired: true },
    name: { value: "NAME", help: "the extension's name: its file name without .raw", isRequired: true },
    rules: { value: "RULES", help: "PATTERN=ACTION words; the first that matches decides", isRequired: true },
    "may-shadow": { value: "PATTERNS", help: "paths where a different file of the base may be hidden" },
    policy: {
      value: "POLICY",
      help: `what ties it to the base: ${LEVEL_POLICIES.join(" or ")}`,
      isRequired: true,
    },
    architecture: { value: "NAME", help: "the distribution's word, e.g. amd64", isRequired: true },
    scope: { value: "WORDS", help: "SYSEXT_SCOPE: system, initrd, portable" },
    id: { value: "ID", help: "SYSEXT_ID" },
    version: { value: "VERSION", help: "SYSEXT_VERSION_ID" },
    companion: { help: "makes a confext image, too, of paths with rule confext: confext/ in the output" },
    "fixed-ids": { help: "gives its accounts the same ids on every device, for extensions on it" },
    database: { value: "DIR", help: "a package database to ship below /usr/lib/sysimage" },
    ...EPOCH,
    work: { value: "DIR", help: "a folder to work in", isRequired: true },
    output: {
      value: "DIR",
      help: "where image.tar, files.jsonl, extension.json, report.txt go",
      isRequired: true,
    },
  },
  async run(args, say) {
    const base = await openSnapshot(await snapshotFolder(args.text("base"), args.text("work")));
    const output = args.text("output");
    const policy = oneOf("SYSEXT_LEVEL_POLICY", args.text("policy"), LEVEL_POLICIES);
    const name = args.text("name");
    const companion = args.has("companion") ? join(output, "confext") : undefined;
    await mkdir(companion ?? output, { recursive: true });
    const facts = await factsIn(args.optional("facts"));
    const result = await makeExtension({
      accounts: facts?.accounts,
      isBase: args.has("fixed-ids"),
      tree: args.text("tree"),
      files: args.text("files"),
      base,
      rules: parseRules(args.text("rules")),
      mayShadow: anyOf(args.words("may-shadow")),
      stamp: {
        name,
        kind: EXTENSION_KINDS[oneOf("SYSEXT_KIND", args.optional("kind") ?? KINDS[0], KINDS)],
        policy,
        architecture: args.text("architecture"),
        scope: args.words("scope"),
        id: args.optional("id"),
        version: args.optional("version"),
      },
      database: args.optional("database"),
      epochSeconds: args.epoch("epoch"),
      output: join(output, "image.tar"),
      ...(companion && { companion: join(companion, "image.tar") }),
    });
    const report = [...result.plan.report, ...reportModes(facts?.narrowedModes ?? [])].sort((left, right) =>
      byText(left.path, right.path),
    );
    const needs = base.facts.below?.extensions;
    const extension: ExtensionFacts = {
      name,
      base: args.text("base-name"),
      baseDigest: levelDigest(base),
      ...(needs && { needs: [...needs] }),
      policy,
      release: fieldsOf(result),
      ...(result.companion && { companion: { release: fieldsOf(result.companion) } }),
      report,
    };
    await writeFile(join(output, "files.jsonl"), formatFileManifest(result.files));
    if (companion !== undefined && result.companion !== undefined)
      await writeFile(join(companion, "files.jsonl"), formatFileManifest(result.companion.files));
    await writeFile(join(output, "extension.json"), `${JSON.stringify(extension, undefined, 1)}\n`);
    await writeFile(join(output, "report.txt"), formatReport(report));
    say(`${result.files.length} paths ship, ${report.length} do not ship as they were`);
  },
};

function fieldsOf({ extensionRelease }: WrittenTree): Readonly<Record<string, string>> {
  return Object.fromEntries(parseOsRelease(extensionRelease, "extension-release"));
}

async function factsIn(path: string | undefined): Promise<LayerFacts | undefined> {
  return path === undefined ? undefined : parseFacts(await readFile(path, "utf8"), path);
}
