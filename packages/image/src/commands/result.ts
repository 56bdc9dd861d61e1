/** `result`: the manifest, the summary and the page that go beside an image. */
import { readFile, stat, writeFile } from "node:fs/promises";
import type { FileEntry } from "@tsbake/archive";
import { eachLimited, AT_ONCE, BuildError, sha256File } from "@tsbake/base";
import { parseFacts } from "../facts/facts.js";
import { parseFileManifest } from "../facts/file-manifest.js";
import {
  biggestFiles,
  biggestPackages,
  contentBytes,
  parseMaxSize,
  readableSize,
  sizedText,
} from "../facts/size.js";
import * as problems from "../problems.js";
import {
  allFiles,
  type OutputFact,
  formatManifest,
  formatSummary,
  parseExtensionFacts,
} from "../facts/result.js";
import type { Command } from "@tsbake/base/program";
import { type CheckReport, parseCheckReport } from "../check/finding.js";
import { formatPage } from "../page/index.js";

export const result: Command = {
  summary: "writes the manifest (JSON), the summary (text) and the page (HTML) of an image",
  options: {
    image: { value: "NAME", help: "the image recipe's name", isRequired: true },
    version: { value: "VERSION", help: "its version", isRequired: true },
    machine: { value: "NAME", help: "MACHINE", isRequired: true },
    facts: { value: "FILE", help: "packages.json of do_rootfs", isRequired: true },
    files: { value: "FILE", help: "file manifest of the image", isRequired: true },
    extension: { value: "FILE", help: "extension.json of an extension" },
    "companion-files": { value: "FILE", help: "file manifest of the confext image that comes with it" },
    outputs: { value: "TYPE=PATH …", help: "what was made" },
    manifest: { value: "FILE", help: "the manifest to write", isRequired: true },
    "max-size": { value: "SIZE", help: "IMAGE_ROOTFS_MAXSIZE: KiB, or with K, M, G, T behind" },
    summary: { value: "FILE", help: "the summary to write", isRequired: true },
    check: { value: "FILE", help: "what was found wrong with the extension, for the page" },
    page: { value: "FILE", help: "the page to write", isRequired: true },
  },
  async run(args, say) {
    const facts = args.text("facts");
    const files = args.text("files");
    const extension = args.optional("extension");
    const companion = args.optional("companion-files");
    const request = {
      image: args.text("image"),
      version: args.text("version"),
      machine: args.text("machine"),
      facts: parseFacts(await readFile(facts, "utf8"), facts),
      files: parseFileManifest(await readFile(files, "utf8"), files),
      extension:
        extension === undefined
          ? undefined
          : parseExtensionFacts(await readFile(extension, "utf8"), extension),
      companionFiles:
        companion === undefined ? undefined : parseFileManifest(await readFile(companion, "utf8"), companion),
      outputs: await eachLimited(args.words("outputs"), AT_ONCE, outputFact),
    };
    const most = args.optional("max-size");
    if (most !== undefined) checkSize(allFiles(request), parseMaxSize(most), facts);
    await writeFile(args.text("manifest"), formatManifest(request));
    const summary = formatSummary(request);
    await writeFile(args.text("summary"), summary);
    await writeFile(
      args.text("page"),
      formatPage({ ...request, check: await checkIn(args.optional("check")) }),
    );
    say(summary.trimEnd());
  },
};

async function checkIn(path: string | undefined): Promise<CheckReport | undefined> {
  if (path === undefined) return undefined;
  return parseCheckReport(await readFile(path, "utf8"), (reason) => problems.badLayerFacts(path, reason));
}

/** @throws BuildError `image/too-big` */
function checkSize(files: readonly FileEntry[], most: number, facts: string): void {
  const size = contentBytes(files);
  if (size <= most) return;
  const sizes = { size: readableSize(size), most: readableSize(most) };
  const biggest = [
    `biggest packages: ${sizedText(biggestPackages(files, 10))}`,
    `biggest files: ${sizedText(biggestFiles(files, 10))}`,
  ];
  throw new BuildError([problems.tooBig(sizes, biggest, facts)]);
}

async function outputFact(word: string): Promise<OutputFact> {
  const at = word.indexOf("=");
  if (at < 1) throw new BuildError([problems.badArgument(`--outputs has \`${word}\`, not TYPE=PATH`)]);
  const [type, path] = [word.slice(0, at), word.slice(at + 1)];
  const found = await stat(path);
  return found.isDirectory() ? { type } : { type, sizeBytes: found.size, sha256: await sha256File(path) };
}
