/** A local apt repository of the very package files that our images are made of. */
import { createHash } from "node:crypto";
import { link, copyFile, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { poolName } from "@tsbake/packaging";
import { capture } from "./measure.mjs";

export const SUITE = "bench";

/**
 * @param {string} folder to make
 * @param {{closures: readonly string[], pool: string, packages: string}} from closure files of the engine; package files of
 *   the archive; folder with those of recipes
 * @returns {Promise<{source: string}>} a line for sources.list
 */
export async function makeRepository(folder, from) {
  await mkdir(folder, { recursive: true });
  const files = new Map();
  for (const path of from.closures) {
    for (const one of JSON.parse(await readFile(path, "utf8")).packages) {
      files.set(one.file, { path: join(from.pool, poolName(one)), stanza: one.stanza });
    }
  }
  for (const name of await readdir(from.packages, { recursive: true })) {
    if (!name.endsWith(".deb")) continue;
    const path = join(from.packages, name);
    files.set(basename(name), { path, stanza: await controlOf(path) });
  }
  const index = [];
  for (const [name, { path, stanza }] of files) {
    await link(path, join(folder, name)).catch(() => copyFile(path, join(folder, name)));
    index.push(await stanzaOf(stanza, name, path));
  }
  const text = index.join("\n");
  await writeFile(join(folder, "Packages"), text);
  // mmdebstrap looks for essential packages in the suite that it was given, and nowhere else.
  const digest = createHash("sha256").update(text).digest("hex");
  const release = [
    `Suite: ${SUITE}`,
    `Codename: ${SUITE}`,
    "Date: Thu, 01 Jan 1970 00:00:00 UTC",
    "SHA256:",
    ` ${digest} ${Buffer.byteLength(text)} Packages`,
  ];
  await writeFile(join(folder, "Release"), `${release.join("\n")}\n`);
  return { source: `deb [trusted=yes] copy:${folder} ./` };
}

async function controlOf(path) {
  const done = await capture("dpkg-deb", ["-f", path]);
  if (done.code !== 0) throw new Error(done.stderr);
  return done.stdout;
}

/** The stanza with the place and digest of the file as it lies here. */
async function stanzaOf(stanza, name, path) {
  const kept = stanza.replace(/^(Filename|Size|MD5sum|SHA1|SHA256|SHA512):.*\n/gm, "").trimEnd();
  const digest = createHash("sha256")
    .update(await readFile(path))
    .digest("hex");
  const { size } = await stat(path);
  return `${kept}\nFilename: ./${name}\nSize: ${size}\nSHA256: ${digest}\n`;
}
