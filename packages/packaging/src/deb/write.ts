/** Writes a .deb (deb(5)) from a folder: the same bytes on another day, path and machine, everything owned by root. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { lstat, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { tarOf, writeAr } from "@tsbake/archive";
import type { NewTarEntry } from "@tsbake/archive";
import { AT_ONCE, byText, eachLimited, run, scratchFolder } from "@tsbake/base";
import { walk } from "../layout/walk.js";
import type { PackageSpec, RecipeSpec } from "../split/spec.js";
import type { SplitPackage } from "../split/split.js";
import { debName } from "./names.js";
import { type Stanza, writeStanza } from "./stanza.js";

export interface WriteDebRequest {
  readonly recipe: RecipeSpec;
  readonly package: PackageSpec;
  readonly split: SplitPackage;
  /** The package's files. */
  readonly from: string;
  /** Folder for the package. */
  readonly out: string;
  readonly epochSeconds: number;
}

/** What tells one format of this family from another. */
export interface WrittenForm {
  readonly suffix: string;
  /** The fields as the format has them. */
  readonly fields: (fields: Stanza) => Stanza;
}

const DEB: WrittenForm = { suffix: "deb", fields: (fields) => fields };

/** @returns the path of the package, `NAME_VERSION_ARCH.deb` without the epoch */
export async function writeDeb(request: WriteDebRequest, form: WrittenForm = DEB): Promise<string> {
  const { recipe, package: one, from, out, epochSeconds } = request;
  await mkdir(out, { recursive: true });
  await mkdir(from, { recursive: true });
  const version = recipe.version.replace(/^\d+:/, "");
  const path = join(out, `${one.name}_${version}_${recipe.architecture}.${form.suffix}`);
  const scratch = await scratchFolder(join(out, `.${form.suffix}-`));
  try {
    const data = join(scratch, "data.tar.gz");
    await packData(from, data, epochSeconds);
    const control = gzipSync(await tarOf(await controlEntries(request, form)), { level: 9 });
    const members = [
      { name: "debian-binary", data: Buffer.from("2.0\n") },
      { name: "control.tar.gz", data: control },
      { name: "data.tar.gz", data: { file: data } },
    ];
    await writeAr(path, members, epochSeconds);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return path;
}

/** GNU tar in the format that dpkg reads (no pax headers), sorted, one time, one owner. */
async function packData(from: string, out: string, epochSeconds: number): Promise<void> {
  const owner = ["--owner=root:0", "--group=root:0", "--sort=name", `--mtime=@${epochSeconds}`];
  const args = [
    "--create",
    "--format=gnu",
    ...owner,
    "--directory",
    from,
    "--file",
    out,
    "--use-compress-program=gzip -9n",
    ".",
  ];
  await run("tar", args);
}

async function controlEntries(request: WriteDebRequest, form: WrittenForm): Promise<NewTarEntry[]> {
  const { package: one, from, split, epochSeconds } = request;
  const files = await walk(from, (entry) => entry.isFile());
  const sums = await eachLimited(files, AT_ONCE, async (path) => `${await md5(join(from, path))}  ${path}\n`);
  const there = new Set(files.map((path) => `/${path}`));
  const conffiles = one.conffiles.filter((path) => there.has(path)).sort(byText);
  const members: [string, string, number][] = [
    ["control", writeStanza(form.fields(await controlFields(request))), 0o644],
    ["md5sums", sums.join(""), 0o644],
    ["conffiles", conffiles.map((path) => `${path}\n`).join(""), 0o644],
    ["shlibs", split.shlibs.map((line) => `${line}\n`).join(""), 0o644],
    // The loader's cache is libc's, which is told that there is a new library.
    ["triggers", split.shlibs.length > 0 ? "activate-noawait ldconfig\n" : "", 0o644],
    ...Object.entries(one.scripts).map(([name, text]): [string, string, number] => [
      name,
      withShell(text),
      0o755,
    ]),
  ];
  const base = { uid: 0, gid: 0, mtimeSeconds: epochSeconds };
  const entries: NewTarEntry[] = [{ path: "./", type: "directory", mode: 0o755, ...base }];
  for (const [name, text, mode] of members.sort((left, right) => byText(left[0], right[0]))) {
    if (text !== "") entries.push({ path: `./${name}`, type: "file", mode, data: text, ...base });
  }
  return entries;
}

function withShell(text: string): string {
  const body = text.startsWith("#!") ? text : `#!/bin/sh\nset -e\n${text}`;
  return body.endsWith("\n") ? body : `${body}\n`;
}

async function controlFields({
  recipe,
  package: one,
  split,
  from,
}: WriteDebRequest): Promise<Map<string, string>> {
  const fields = new Map([["Package", one.name]]);
  const source = debName(recipe.recipe);
  if (source !== one.name) fields.set("Source", source);
  fields
    .set("Version", recipe.version)
    .set("Architecture", recipe.architecture)
    .set("Maintainer", recipe.maintainer);
  fields.set("Installed-Size", String(await installedKilobytes(from)));
  for (const [field, relations] of Object.entries(withDepends(one, split))) {
    if (relations.length > 0) fields.set(field, relations.join(", "));
  }
  fields.set("Section", one.section).set("Priority", recipe.priority);
  if (recipe.homepage !== "") fields.set("Homepage", recipe.homepage);
  // As OE-core's ipk packages have it; Debian has no field for it, and dpkg keeps what it does not know.
  if (recipe.license !== "" && recipe.license !== "INVALID") fields.set("License", recipe.license);
  return fields.set("Description", one.summary + longDescription(one));
}

/** Declared ones first, then what the programs need; one that is declared with a version is not repeated without. */
function withDepends(one: PackageSpec, split: SplitPackage): Record<string, readonly string[]> {
  const declared = one.relations["Depends"] ?? [];
  const names = new Set(declared.map((text) => text.split(" ")[0]));
  const found = split.depends.filter(
    (text) => !declared.includes(text) && (text.includes("(") || !names.has(text)),
  );
  return { ...one.relations, Depends: [...declared, ...found] };
}

/** Folded as deb-control wants it: one blank before each line, ` .` for an empty one. */
function longDescription(one: PackageSpec): string {
  const text = one.description.trim();
  if (text === "" || text === one.summary) return "";
  return text
    .split("\n")
    .map((line) => `\n ${line.trim() === "" ? "." : line.trimEnd()}`)
    .join("");
}

/** As dpkg-gencontrol counts: files in whole KiB, everything else one each. */
async function installedKilobytes(from: string): Promise<number> {
  const paths = await walk(from, () => true);
  const infos = await eachLimited(paths, AT_ONCE, (path) => lstat(join(from, path)));
  return infos.reduce((sum, info) => sum + (info.isFile() ? Math.ceil(info.size / 1024) : 1), 0);
}

async function md5(path: string): Promise<string> {
  const hash = createHash("md5");
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
  return hash.digest("hex");
}
