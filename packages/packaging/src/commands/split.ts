/** `split` and `shlibs`: what a recipe installed, divided into packages. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Command } from "@tsbake/base/program";
import { SHLIBS_FOLDER } from "../split/shlibs.js";
import { readSpec } from "../split/spec.js";
import { shlibsOf, splitPackages } from "../split/split.js";

const SPEC = { value: "FILE", help: "the recipe's packages as JSON", isRequired: true };
const FROM = { value: "DIR", help: "what the recipe installed", isRequired: true };

export const split: Command = {
  summary: "divides an installed tree into packages: debug files apart, dependencies on libraries found",
  options: {
    spec: SPEC,
    from: FROM,
    into: { value: "DIR", help: "gets one folder a package", isRequired: true },
    facts: { value: "FILE", help: "gets what write-deb needs to know of each package", isRequired: true },
    sysroot: { value: "DIR", help: "where other packages' libraries are described", isRequired: true },
    strip: { value: "PROGRAM", help: "default: strip" },
    objcopy: { value: "PROGRAM", help: "default: objcopy" },
  },
  async run(args, say) {
    const packages = await splitPackages({
      spec: await readSpec(args.text("spec")),
      from: args.text("from"),
      into: args.text("into"),
      sysroot: args.text("sysroot"),
      strip: args.optional("strip") ?? "strip",
      objcopy: args.optional("objcopy") ?? "objcopy",
    });
    await mkdir(dirname(args.text("facts")), { recursive: true });
    await writeFile(args.text("facts"), `${JSON.stringify({ packages }, undefined, 1)}\n`);
    for (const one of packages) say(`${one.name}: ${one.depends.join(", ") || "needs no library"}`);
  },
};

export const shlibs: Command = {
  summary: "writes into a staged sysroot which package each library will be in",
  options: { spec: SPEC, from: FROM, into: { value: "DIR", help: "the staged sysroot", isRequired: true } },
  async run(args, say) {
    const spec = await readSpec(args.text("spec"));
    const lines = await shlibsOf(spec, args.text("from"));
    if (lines.length === 0) return;
    const path = join(args.text("into"), SHLIBS_FOLDER, spec.recipe);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, lines.map((line) => `${line}\n`).join(""));
    say(`libraries: ${lines.join("; ")}`);
  },
};
