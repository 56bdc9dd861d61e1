/** `pkgdb`, `pkgdb-verify` and `stamp`: the base's package database snapshot. */
import { appendFile, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BuildError, scratchFolder } from "@tsbake/base";
import { insideRoot } from "@tsbake/sandbox";
import { openBackend } from "@tsbake/packaging";
import { LEVELS, levelOf } from "../layer/extension-release.js";
import { parseOsRelease } from "../snapshot/os-release.js";
import * as problems from "../problems.js";
import { DATABASE_FOLDER, openSnapshot, snapshotFiles } from "../snapshot/snapshot.js";
import { packSnapshot, snapshotFolder, SNAPSHOT_TYPES } from "../snapshot/archive.js";
import { type Command, EPOCH } from "@tsbake/base/program";

const SNAPSHOT = {
  snapshot: { value: "PATH", help: "the snapshot's folder, or an archive of it", isRequired: true },
} as const;

export const pkgdb: Command = {
  summary: "packs a snapshot into one file",
  options: {
    ...SNAPSHOT,
    type: { value: "TYPE", help: `one of ${SNAPSHOT_TYPES.join(", ")}`, isRequired: true },
    output: { value: "FILE", help: "the file to write", isRequired: true },
    ...EPOCH,
  },
  async run(args) {
    const snapshot = await openSnapshot(args.text("snapshot"));
    await packSnapshot(snapshot.folder, args.text("type"), args.text("output"), args.epoch("epoch"));
  },
};

export const pkgdbVerify: Command = {
  summary: "proves that a snapshot is whole: digests, count, and an import by the backend",
  options: SNAPSHOT,
  async run(args, say) {
    const work = await scratchFolder(join(tmpdir(), "tsbake-pkgdb-"));
    try {
      const snapshot = await openSnapshot(await snapshotFolder(args.text("snapshot"), work));
      const files = await snapshotFiles(snapshot);
      const backend = openBackend(snapshot.facts.backend);
      const root = join(work, "root");
      await backend.importSnapshot(join(snapshot.folder, DATABASE_FOLDER), root, snapshot.facts);
      const { facts } = snapshot;
      say(
        `${facts.backend} ${facts.architecture}: ${facts.count} packages, ${files.length} paths, digest ${facts.digest}`,
      );
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  },
};

/** Fields that the stamp of an extension is made from. */
const IDENTITY = ["ID", "VERSION_ID"] as const;

export const stamp: Command = {
  summary: "writes the level that is derived from the snapshot into the os-release of the base's image",
  options: {
    ...SNAPSHOT,
    root: { value: "DIR", help: "the base's tree after post-processing", isRequired: true },
  },
  async run(args) {
    const snapshot = await openSnapshot(args.text("snapshot"));
    const path = await insideRoot(args.text("root")).follow("usr/lib/os-release");
    const text = await readFile(path, "utf8");
    const fields = parseOsRelease(text, path);
    const level = levelOf(snapshot.facts.digest);
    const changed = IDENTITY.filter((name) => fields.get(name) !== snapshot.osRelease.get(name)).map((name) =>
      problems.baseIdentityChanged(name, snapshot.osRelease.get(name) ?? "", fields.get(name) ?? ""),
    );
    const missing = LEVELS.filter((name) => !fields.has(name));
    for (const name of LEVELS) {
      const own = fields.get(name) ?? level;
      if (own !== level) changed.push(problems.baseIdentityChanged(name, level, own));
    }
    if (changed.length > 0) throw new BuildError(changed);
    if (missing.length === 0) return;
    const lines = missing.map((name) => `${name}=${level}\n`).join("");
    await appendFile(path, `${text.endsWith("\n") ? "" : "\n"}${lines}`);
  },
};
