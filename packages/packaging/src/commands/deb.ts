/** `write-deb`, `write-ipk`, `write-rpm` and `index`: package files, and a list of them for apt. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { BuildError, writeFileAtomic } from "@tsbake/base";
import { readData } from "@tsbake/base/data";
import type { Arguments, Command } from "@tsbake/base/program";
import { scanDebs } from "../deb/file.js";
import { writeDeb as write, type WriteDebRequest } from "../deb/write.js";
import { ipkFields } from "../ipk/index.js";
import { badArgument } from "../problems.js";
import { writeRecipeRpm } from "../rpm/write.js";
import { readSpec } from "../split/spec.js";
import { SplitFacts, type SplitPackage } from "../split/split.js";

const OPTIONS = {
  spec: { value: "FILE", help: "the recipe's packages as JSON", isRequired: true },
  facts: { value: "FILE", help: "what split found", isRequired: true },
  packages: { value: "DIR", help: "one folder a package", isRequired: true },
  out: { value: "DIR", help: "where the package files go", isRequired: true },
  epoch: { value: "SECONDS", help: "the time of everything inside", isRequired: true },
} as const;

export const writeDeb: Command = {
  summary: "writes the .deb files of a recipe from its split packages",
  options: OPTIONS,
  run: (args, say) => writeAll(args, say, (request) => write(request)),
};

export const writeIpk: Command = {
  summary: "writes the .ipk files of a recipe from its split packages",
  options: OPTIONS,
  run: (args, say) => writeAll(args, say, (request) => write(request, { suffix: "ipk", fields: ipkFields })),
};

export const writeRpm: Command = {
  summary: "writes the .rpm files of a recipe from its split packages",
  options: OPTIONS,
  run: (args, say) => writeAll(args, say, writeRecipeRpm),
};

async function writeAll(
  args: Arguments,
  say: (line: string) => void,
  writeOne: (request: WriteDebRequest) => Promise<string>,
): Promise<void> {
  const recipe = await readSpec(args.text("spec"));
  const epochSeconds = args.epoch("epoch");
  for (const split of readFacts(await readFile(args.text("facts"), "utf8"))) {
    const one = recipe.packages.find(({ name }) => name === split.name);
    if (!one) throw new BuildError([badArgument(`--facts has ${split.name}, which --spec has not`)]);
    const from = join(args.text("packages"), one.name);
    say(
      `wrote ${await writeOne({ recipe, package: one, split, from, out: args.text("out"), epochSeconds })}`,
    );
  }
}

function readFacts(text: string): readonly SplitPackage[] {
  return readData(SplitFacts, text, (reason) =>
    badArgument(`--facts is no list of packages by \`split\`: ${reason}`),
  ).packages;
}

export const index: Command = {
  summary: "writes a Packages index of the .deb files below a folder",
  options: {
    packages: { value: "DIR", help: "where the .deb files are", isRequired: true },
    out: { value: "FILE", help: "the index", isRequired: true },
  },
  async run(args, say) {
    const found = await scanDebs(args.text("packages"));
    await writeFileAtomic(args.text("out"), found.map(({ stanza }) => `${stanza}\n`).join(""));
    say(`${found.length} packages`);
  },
};
