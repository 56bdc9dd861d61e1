/** What a build left, below its last words: of one target all that it says, of several a table. Pure. */
import { basename, dirname, join, relative } from "node:path";
import type { BuildOutput } from "@tsbake/engine";
import { tableText } from "../text/table.js";
import { listing } from "../text/text.js";

/** The first line of an image's summary, as `tsbake-image result` writes it. */
const SUMMARY = /^\S+(?: on \S+)?: (?<packages>\d+) packages?, (?<size>[\d.]+ \S+)/;
const WARNING = /^ *warning: /;
/** What stands beside an image and tells of it. */
const BESIDE = /\.(?:html|json|manifest|summary|report|skipped-scripts|roothash)$/;

/** @param directory where the person is who reads it */
export function outputsText(outputs: readonly BuildOutput[], directory: string): string[] {
  const [only, ...others] = outputs;
  if (!only) return [];
  return others.length === 0 ? whole(only, directory) : table(outputs, directory);
}

/** Its own words, and its files, a folder at a time, as a person in `directory` would name them. */
function whole({ files, text }: BuildOutput, directory: string): string[] {
  const lines = text !== undefined && text.trim() !== "" ? ["", text.trimEnd()] : [];
  let folder: string | undefined;
  for (const file of files) {
    if (dirname(file) !== folder) {
      folder = dirname(file);
      lines.push(`${near(folder, directory)}/`);
    }
    lines.push(`  ${basename(file)}`);
  }
  return lines;
}

/** A line a target, and what must not be missed of their words. */
function table(outputs: readonly BuildOutput[], directory: string): string[] {
  const folder = sharedFolder(outputs.flatMap(({ files }) => files.map((file) => dirname(file))));
  const rows = outputs.map(({ target, files, text = "" }) => {
    const { packages = "", size = "" } = SUMMARY.exec(text.trimStart())?.groups ?? {};
    return { target, packages, size, deployed: deployedText(files, folder) };
  });
  // Of recipes without an image there is nothing to count.
  const counts = rows.some(({ size }) => size !== "");
  const cells = rows.map(({ target, packages, size, deployed }) =>
    counts ? [target, packages, size, deployed] : [target, deployed],
  );
  const head = counts ? ["target", "packages", "content", "deployed"] : ["target", "deployed"];
  const summaries = outputs.filter(({ text }) => text !== undefined && text.trim() !== "");
  return [
    "",
    tableText([head, ...cells]).trimEnd(),
    ...(folder === undefined ? [] : [`in ${near(folder, directory)}/`]),
    ...summaries.flatMap(({ target, text = "" }) =>
      text
        .split("\n")
        .filter((line) => WARNING.test(line))
        .map((line) => `${target}: ${line.trim()}`),
    ),
  ];
}

/** `tools.raw and 7 more`: what one would copy to a device. */
function deployedText(files: readonly string[], folder: string | undefined): string {
  const itself = files.filter((file) => !BESIDE.test(file));
  // The name under which an extension is merged, where it has one.
  const merged = itself.filter((file) => file.endsWith(".raw"));
  const shown = [merged, itself, files].find((some) => some.length > 0)?.slice(0, 2) ?? [];
  const names = shown.map((file) => (folder === undefined ? file : relative(folder, file)));
  const more = files.length - shown.length;
  return listing(more > 0 ? [...names, `${more} more`] : names);
}

/** The folder that all of them are in, or undefined where there is none but the root. */
function sharedFolder(folders: readonly string[]): string | undefined {
  const [first, ...others] = folders;
  if (first === undefined) return undefined;
  const isIn = (folder: string): boolean =>
    others.every((other) => other === folder || other.startsWith(join(folder, "/")));
  let folder = first;
  while (!isIn(folder)) folder = dirname(folder);
  return folder === "/" ? undefined : folder;
}

function near(folder: string, directory: string): string {
  const path = relative(directory, folder);
  return path.startsWith("..") ? folder : path;
}
