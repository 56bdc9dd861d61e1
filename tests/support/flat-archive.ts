/** An archive of packages that is a folder of this machine, as apt reads it without a network. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tarOf, writeAr } from "@tsbake/archive";
import { openDebBackend } from "@tsbake/packaging";

/**
 * Fills `folder` with one package a word, `NAME VERSION CONTENT`, and nothing else: CONTENT is that of the file `/f`.
 *
 * @returns the line of sources
 */
export async function flatArchive(folder: string, ...packages: readonly string[]): Promise<string> {
  mkdirSync(folder, { recursive: true });
  for (const file of readdirSync(folder)) rmSync(join(folder, file));
  for (const words of packages) {
    const [pkg, version, content] = words.split(" ");
    const control = `Package: ${pkg}\nVersion: ${version}\nArchitecture: all\nMaintainer: x <x@x>\nDescription: ${content}\n`;
    await writeAr(join(folder, `${pkg}_${version}_all.deb`), [
      { name: "debian-binary", data: Buffer.from("2.0\n") },
      { name: "control.tar", data: await tarOf([{ path: "./control", type: "file", data: control }]) },
      { name: "data.tar", data: await tarOf([{ path: "./f", type: "file", data: content! }]) },
    ]);
  }
  const { packages: found } = await openDebBackend().scan(folder);
  writeFileSync(join(folder, "Packages"), found.map(({ stanza }) => `${stanza}\n`).join(""));
  return `deb [trusted=yes] file:${folder} ./`;
}
