/** `sbom`: bills of materials that go beside an image. */
import { readFile, stat, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { AT_ONCE, BuildError, byText, eachLimited, sha256File } from "@tsbake/base";
import { type Command, EPOCH } from "@tsbake/base/program";
import { parseFacts } from "../facts/facts.js";
import { parseExtensionFacts } from "../facts/result.js";
import * as problems from "../problems.js";
import type { Bill, Delivered } from "../publish/sbom/bill.js";

type Format = (bill: Bill) => string;

/** Words of IMAGE_SBOM. Each is loaded when it is asked for. */
const FORMATS: Readonly<Record<string, { readonly suffix: string; readonly load: () => Promise<Format> }>> = {
  cyclonedx: {
    suffix: "cdx.json",
    load: async () => (await import("../publish/sbom/cyclonedx.js")).formatCycloneDx,
  },
  spdx: { suffix: "spdx.json", load: async () => (await import("../publish/sbom/spdx.js")).formatSpdx },
};

export const sbom: Command = {
  summary: "writes bills of materials of an image: CycloneDX 1.6, SPDX 3.0.1",
  options: {
    image: { value: "NAME", help: "the image recipe's name", isRequired: true },
    version: { value: "VERSION", help: "its version", isRequired: true },
    machine: { value: "NAME", help: "MACHINE", isRequired: true },
    facts: { value: "FILE", help: "packages.json of do_rootfs", isRequired: true },
    extension: { value: "FILE", help: "extension.json of an extension" },
    outputs: { value: "NAME=PATH …", help: "what was made, by the names that it is to have in the bill" },
    formats: { value: "WORDS", help: `of ${Object.keys(FORMATS).join(", ")}`, isRequired: true },
    output: { value: "PATH", help: "the files to write, without .cdx.json and .spdx.json", isRequired: true },
    ...EPOCH,
  },
  async run(args) {
    const facts = args.text("facts");
    const extension = args.optional("extension");
    const delivered = await eachLimited(args.words("outputs"), AT_ONCE, deliveredAs);
    const bill: Bill = {
      image: args.text("image"),
      version: args.text("version"),
      machine: args.text("machine"),
      facts: parseFacts(await readFile(facts, "utf8"), facts),
      extension:
        extension === undefined
          ? undefined
          : parseExtensionFacts(await readFile(extension, "utf8"), extension),
      delivered: delivered.sort((left, right) => byText(left.name, right.name)),
      epochSeconds: args.epoch("epoch"),
    };
    for (const word of args.words("formats")) {
      const format = Object.hasOwn(FORMATS, word) ? FORMATS[word] : undefined;
      if (format === undefined)
        throw new BuildError([
          problems.badArgument(`IMAGE_SBOM has \`${word}\`, not ${Object.keys(FORMATS).join(" or ")}`),
        ]);
      await writeFile(`${args.text("output")}.${format.suffix}`, (await format.load())(bill));
    }
  },
};

async function deliveredAs(word: string): Promise<Delivered> {
  const at = word.indexOf("=");
  if (at < 1) throw new BuildError([problems.badArgument(`--outputs has \`${word}\`, not NAME=PATH`)]);
  const [name, path] = [basename(word.slice(0, at)), word.slice(at + 1)];
  return (await stat(path)).isDirectory() ? { name } : { name, sha256: await sha256File(path) };
}
