/** A Debian package, opened, as what an rpm says. */
import { readSync } from "node:fs";
import { BuildError, nameBytes, nameOf } from "@tsbake/base";
import type { OpenedPackage, PlainEntry } from "../contents/index.js";
import { writeStanza } from "../deb/stanza.js";
import { badDeb } from "../problems.js";
import type { NeutralPackage } from "../repackage/index.js";
import type { RpmFile, RpmSpec, ScriptKind } from "./format/spec.js";
import { groupName, rpmArchitecture, userName } from "./names.js";
import { rpmRelations } from "./relations.js";
import { INFO_FOLDER, scriptlet, SCRIPTLETS, STATUS_FOLDER } from "./scriptlets.js";
import { evrOfDebian } from "./version.js";

/** Bytes that are read at a time. */
const PIECE = 1 << 18;

/**
 * @param path of the .deb, for errors
 * @throws BuildError `packaging/bad-deb` for what an rpm cannot say: a device, an owner without a name that is the same everywhere
 */
export function rpmSpecOf(path: string, one: NeutralPackage, opened: OpenedPackage): RpmSpec {
  const architecture = rpmArchitecture(one.architecture);
  const refuse = (reason: string): never => {
    throw new BuildError([badDeb(path, `it cannot be an rpm: ${reason}`)]);
  };
  if (opened.tar === undefined) return refuse("its files are not as dpkg-deb packs them");
  const conffiles = new Set(one.conffiles);
  const shipped = opened.tar.entries.map((entry) => fileOf(entry, opened.fd, conffiles, refuse));
  const newest = Math.max(0, ...opened.tar.entries.map(({ mtimeSeconds }) => mtimeSeconds));
  const scripts = Object.entries(SCRIPTLETS).flatMap(([name, kind]): [ScriptKind, string][] => {
    const text = one.members.get(name)?.bytes;
    return text === undefined ? [] : [[kind, scriptlet(name as keyof typeof SCRIPTLETS, nameOf(text), one)]];
  });
  return {
    ...evrOfDebian(one.version),
    name: one.name,
    architecture: architecture ?? refuse(`rpm has no word for the architecture ${one.architecture}`),
    summary: one.summary,
    description: one.description || one.summary,
    license: one.license || "distribution",
    group: one.section || "misc",
    packager: one.maintainer,
    url: one.homepage,
    source: one.source,
    buildSeconds: newest,
    relations: rpmRelations(one),
    scripts: Object.fromEntries(scripts),
    files: [...shipped, ...adminFiles(one, shipped, newest)],
    origin: originOf(one),
  };
}

/** What dpkg would have of it. */
function adminFiles(
  { name, stanza, members }: NeutralPackage,
  shipped: readonly RpmFile[],
  mtimeSeconds: number,
): RpmFile[] {
  const status = new Map([...stanza].filter(([field]) => field !== "Package"));
  const text = writeStanza(new Map([["Package", name], ["Status", "install ok installed"], ...status]));
  const list = ["/.", ...shipped.map(({ path }) => path)].map((path) => `${path}\n`).join("");
  const file = (path: string, bytes: Buffer, mode: number): RpmFile => ({
    path,
    kind: "file",
    mode,
    user: "root",
    group: "root",
    mtimeSeconds,
    sizeBytes: bytes.length,
    isConfig: false,
    content: () => [bytes],
  });
  return [
    file(`${STATUS_FOLDER}/${name}`, nameBytes(`${text}\n`), 0o644),
    file(`${INFO_FOLDER}/${name}.list`, nameBytes(list), 0o644),
    ...[...members].map(([member, { bytes, mode }]) => file(`${INFO_FOLDER}/${name}.${member}`, bytes, mode)),
  ];
}

function originOf({ stanza, members }: NeutralPackage): readonly string[] {
  return [
    writeStanza(stanza),
    ...[...members].flatMap(([name, { bytes }]) => [name, bytes.toString("utf8")]),
  ];
}

function fileOf(
  { entry, mtimeSeconds, contentAt }: PlainEntry,
  fd: number,
  conffiles: ReadonlySet<string>,
  refuse: (reason: string) => never,
): RpmFile {
  const { path, kind, mode, uid, gid, sizeBytes, target, hardlink } = entry;
  if (kind !== "file" && kind !== "directory" && kind !== "symlink") return refuse(`${path} is a ${kind}`);
  return {
    path,
    kind,
    mode,
    user: userName(uid) ?? refuse(`${path} is of the user ${uid}, who is another one on each machine`),
    group: groupName(gid) ?? refuse(`${path} is of the group ${gid}, which is another one on each machine`),
    mtimeSeconds,
    sizeBytes,
    isConfig: conffiles.has(path),
    ...(target !== undefined && { target }),
    ...(hardlink !== undefined && { hardlink }),
    content: () => piecesAt(fd, contentAt, sizeBytes),
  };
}

function* piecesAt(fd: number, at: number, sizeBytes: number): Generator<Buffer> {
  for (let done = 0; done < sizeBytes;) {
    const piece = Buffer.allocUnsafe(Math.min(PIECE, sizeBytes - done));
    const got = readSync(fd, piece, 0, piece.length, at + done);
    if (got === 0) return;
    yield piece.subarray(0, got);
    done += got;
  }
}
