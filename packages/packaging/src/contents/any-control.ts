/** The control member of a package, whatever wrote it: as tar reads what dpkg-deb finds. */
import { basename } from "node:path";
import { readTar } from "@tsbake/archive";
import { BuildError, hasCode, openChild } from "@tsbake/base";
import { badDeb, noApt } from "../problems.js";

/** Control members by name: `control`, `md5sums`, `postinst`, … */
export type ControlMembers = ReadonlyMap<string, Buffer>;

/** Control members are small; more than this is no package. */
const LARGEST_CONTROL = 64 * 1024 * 1024;

/** @throws BuildError `packaging/bad-deb` */
export async function readControl(path: string): Promise<ControlMembers> {
  await using child = openChild("dpkg-deb", ["--ctrl-tarfile", path], { stdout: "pipe" });
  const members = new Map<string, Buffer>();
  let total = 0;
  let failure: unknown;
  try {
    for await (const entry of readTar(child.stdout, path)) {
      total += entry.sizeBytes;
      if (total > LARGEST_CONTROL) throw new BuildError([badDeb(path, "its control member is too big")]);
      if (entry.type === "file") members.set(basename(entry.path), await entry.read());
    }
  } catch (error) {
    failure = error;
    child.stdout.destroy();
  }
  const { code, signal, said, failure: unstarted } = await child.ended;
  if (hasCode(unstarted, "ENOENT")) throw new BuildError([noApt("dpkg-deb")]);
  if (unstarted !== undefined) throw unstarted;
  // dpkg-deb knows better than the reader of its output what is wrong with the file.
  if (code !== 0 && (said !== "" || failure === undefined))
    throw new BuildError([badDeb(path, said || `dpkg-deb ended with ${code ?? signal}`)], { cause: failure });
  if (failure !== undefined) throw failure;
  return members;
}
