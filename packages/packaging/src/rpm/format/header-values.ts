/** The header of a package from what it says. */
import { nameBytes } from "@tsbake/base";
import type { HeaderValue } from "./header.js";
import {
  evrText,
  RELATION_KINDS,
  type RelationKind,
  type RpmFile,
  type RpmRelation,
  type RpmSpec,
  SCRIPT_KINDS,
} from "./spec.js";
import { FILE_FLAG, SENSE, SHA256, TAG } from "./tags.js";

/** Of a mode. */
export const KIND_BITS = { file: 0o100000, directory: 0o040000, symlink: 0o120000 } as const;

/** Verify everything: size, mode, digest, owner, times, link, capabilities. */
const VERIFY_ALL = 0xffff_ffff;

export interface PlacedFile {
  readonly file: RpmFile;
  readonly inode: number;
  readonly links: number;
  /** Of hard links the last one carries the content. */
  readonly hasContent: boolean;
}

/** By path, byte by byte, as rpm looks for them; hard links share a number. */
export function inRpmOrder(files: readonly RpmFile[]): PlacedFile[] {
  const sorted = files
    .map((file) => ({ file, key: nameBytes(file.path) }))
    .sort((left, right) => Buffer.compare(left.key, right.key))
    .map(({ file }) => file);
  const groups = new Map<string, RpmFile[]>();
  for (const file of sorted) {
    const key = file.hardlink ?? file.path;
    groups.set(key, [...(groups.get(key) ?? []), file]);
  }
  const inodes = new Map([...groups.keys()].map((key, at) => [key, at + 1]));
  return sorted.map((file) => {
    const key = file.hardlink ?? file.path;
    const group = groups.get(key)!;
    return {
      file,
      inode: inodes.get(key)!,
      links: group.length,
      hasContent: file.kind === "file" && group.at(-1) === file,
    };
  });
}

/** In the order of the payload: hard links together, where the last of them is. rpm links what follows each other, and nothing else. */
export function inPayloadOrder(files: readonly PlacedFile[]): PlacedFile[] {
  const waiting = new Map<number, PlacedFile[]>();
  return files.flatMap((one) => {
    if (one.file.kind !== "file" || one.links === 1) return [one];
    const group = [...(waiting.get(one.inode) ?? []), one];
    waiting.set(one.inode, group);
    return one.hasContent ? group : [];
  });
}

export interface PayloadFacts {
  /** SHA-256 in hex of a file's content. */
  readonly digestOf: (file: RpmFile) => string;
  /** SHA-256 of the payload as it is in the file, and before it was compressed. */
  readonly packed: string;
  readonly plain: string;
  readonly level: number;
}

/** By tag. @see the RPM file format, "Header tags" */
export function headerValues(
  spec: RpmSpec,
  files: readonly PlacedFile[],
  facts: PayloadFacts,
): Map<number, HeaderValue> {
  const values = new Map<number, HeaderValue>();
  const string = (tag: number, value: string): void => {
    if (value !== "") values.set(tag, { type: "string", value });
  };
  const number = (tag: number, value: number): void =>
    void values.set(tag, { type: "int32", value: [value] });
  const i18n = (tag: number, value: string): void =>
    void values.set(tag, { type: "i18nStrings", value: [value] });
  values.set(TAG.i18nTable, { type: "strings", value: ["C"] });
  string(TAG.name, spec.name);
  string(TAG.version, spec.version);
  string(TAG.release, spec.release);
  if (spec.epoch > 0) number(TAG.epoch, spec.epoch);
  i18n(TAG.summary, spec.summary);
  i18n(TAG.description, spec.description);
  number(TAG.buildTime, spec.buildSeconds);
  // Says that it was built, and is the same everywhere.
  string(TAG.buildHost, "localhost");
  string(TAG.license, spec.license);
  string(TAG.packager, spec.packager);
  i18n(TAG.group, spec.group);
  string(TAG.url, spec.url);
  string(TAG.os, "linux");
  string(TAG.architecture, spec.architecture);
  // Without it a package is taken for one of sources.
  string(TAG.sourceRpm, `${spec.source}-${spec.version}-${spec.release}.src.rpm`);
  string(TAG.rpmVersion, "4.18.0");
  string(TAG.platform, `${spec.architecture}-linux`);
  string(TAG.encoding, "utf-8");
  string(TAG.payloadFormat, "cpio");
  string(TAG.payloadCompressor, "gzip");
  string(TAG.payloadFlags, String(facts.level));
  values.set(TAG.payloadDigest, { type: "strings", value: [facts.packed] });
  number(TAG.payloadDigestAlgorithm, SHA256);
  values.set(TAG.plainPayloadDigest, { type: "strings", value: [facts.plain] });
  for (const kind of SCRIPT_KINDS) {
    const text = spec.scripts[kind];
    if (text === undefined) continue;
    string(TAG[kind], text);
    string(TAG[`${kind}Program`], "/bin/sh");
  }
  if (spec.origin) values.set(TAG.origin, { type: "strings", value: spec.origin });
  addFiles(values, files, facts);
  for (const kind of RELATION_KINDS)
    addRelations(values, kind, relationsOf(spec, kind), kind === "require" ? features(spec) : []);
  return values;
}

/** With what every package says: that it provides itself, and which features of rpm it stands on. */
function relationsOf(spec: RpmSpec, kind: RelationKind): readonly RpmRelation[] {
  const said = spec.relations[kind] ?? [];
  if (kind === "provide") return [...said, { name: spec.name, operator: "=", version: evrText(spec) }];
  return said;
}

/** Features, and the version of rpm that has them. */
function features(spec: RpmSpec): [string, string][] {
  const requires = Object.values(spec.relations).flat();
  const versions = [spec.version, spec.release, ...requires.map(({ version }) => version)].join(" ");
  const when = (is: boolean, name: string, version: string): [string, string][] =>
    is ? [[`rpmlib(${name})`, version]] : [];
  return [
    ...when(versions.includes("^"), "CaretInVersions", "4.15.0-1"),
    ["rpmlib(CompressedFileNames)", "3.0.4-1"],
    ...when(
      spec.files.some(({ capabilities }) => capabilities !== undefined),
      "FileCaps",
      "4.6.1-1",
    ),
    ["rpmlib(FileDigests)", "4.6.0-1"],
    ["rpmlib(PayloadFilesHavePrefix)", "4.0-1"],
    ...when(
      requires.some(({ name }) => name.startsWith("(")),
      "RichDependencies",
      "4.12.0-1",
    ),
    ...when(versions.includes("~"), "TildeInVersions", "4.10.0-1"),
  ];
}

const OPERATORS: Readonly<Record<RpmRelation["operator"], number>> = {
  "": 0,
  "<": SENSE.less,
  "<=": SENSE.less | SENSE.equal,
  "=": SENSE.equal,
  ">=": SENSE.greater | SENSE.equal,
  ">": SENSE.greater,
};

function addRelations(
  values: Map<number, HeaderValue>,
  kind: RelationKind,
  relations: readonly RpmRelation[],
  rpmFeatures: readonly (readonly [string, string])[] = [],
): void {
  const rows = [
    ...relations.map(({ name, operator, version, forScript }) => ({
      name,
      flags: OPERATORS[operator] | (forScript === undefined ? 0 : SENSE[forScript]),
      version,
    })),
    ...rpmFeatures.map(([name, version]) => ({ name, flags: SENSE.rpmlib | OPERATORS["<="], version })),
  ];
  if (rows.length === 0) return;
  values.set(TAG[`${kind}Name`], { type: "strings", value: rows.map(({ name }) => name) });
  values.set(TAG[`${kind}Flags`], { type: "int32", value: rows.map(({ flags }) => flags) });
  values.set(TAG[`${kind}Version`], { type: "strings", value: rows.map(({ version }) => version) });
}

function addFiles(
  values: Map<number, HeaderValue>,
  files: readonly PlacedFile[],
  { digestOf }: PayloadFacts,
): void {
  // Each hard link once.
  const carried = files.filter(({ hasContent }) => hasContent);
  const size = carried.reduce((sum, { file }) => sum + file.sizeBytes, 0);
  if (size > MOST_INT32) values.set(TAG.longSize, { type: "int64", value: [BigInt(size)] });
  else values.set(TAG.size, { type: "int32", value: [size] });
  if (files.length === 0) return;
  const folders = [...new Set(files.map(({ file }) => folderOf(file.path)))];
  const folderAt = new Map(folders.map((folder, at) => [folder, at]));
  const strings = (tag: number, of: (file: RpmFile) => string): void =>
    void values.set(tag, { type: "strings", value: files.map(({ file }) => of(file)) });
  const numbers = (tag: number, of: (one: PlacedFile) => number, type: "int16" | "int32" = "int32"): void =>
    void values.set(tag, { type, value: files.map(of) });
  strings(TAG.baseNames, ({ path }) => path.slice(path.lastIndexOf("/") + 1));
  numbers(TAG.folderIndexes, ({ file }) => folderAt.get(folderOf(file.path))!);
  values.set(TAG.folderNames, { type: "strings", value: folders });
  numbers(TAG.fileSizes, ({ file }) => sizeOf(file));
  numbers(TAG.fileModes, ({ file }) => file.mode | KIND_BITS[file.kind], "int16");
  numbers(TAG.fileDevices, () => 0, "int16");
  numbers(TAG.fileTimes, ({ file }) => file.mtimeSeconds);
  strings(TAG.fileDigests, (file) => (file.kind === "file" ? digestOf(file) : ""));
  strings(TAG.fileLinks, ({ target }) => target ?? "");
  numbers(TAG.fileFlags, ({ file }) => (file.isConfig ? FILE_FLAG.config | FILE_FLAG.noReplace : 0));
  numbers(TAG.fileVerifyFlags, () => VERIFY_ALL);
  strings(TAG.fileUsers, ({ user }) => user);
  strings(TAG.fileGroups, ({ group }) => group);
  numbers(TAG.fileDeviceNumbers, () => 1);
  numbers(TAG.fileInodes, ({ inode }) => inode);
  strings(TAG.fileLanguages, () => "");
  if (files.some(({ file }) => file.capabilities !== undefined))
    strings(TAG.fileCapabilities, ({ capabilities }) => capabilities ?? "");
  values.set(TAG.fileDigestAlgorithm, { type: "int32", value: [SHA256] });
}

const MOST_INT32 = 0xffff_ffff;

function sizeOf({ kind, sizeBytes, target }: RpmFile): number {
  return kind === "symlink" ? Buffer.byteLength(target ?? "") : sizeBytes;
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/") + 1);
}
