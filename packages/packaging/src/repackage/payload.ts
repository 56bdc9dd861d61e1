/** Where a package's files lie in it, compressed as they are: for a format that takes them over untouched. */
import { readAr } from "@tsbake/archive";
import { BuildError } from "@tsbake/base";
import { badDeb } from "../problems.js";

export interface PackedPayload {
  /** `data.tar.xz`, … */
  readonly name: string;
  /** Where it begins in the package, bytes. */
  readonly offset: number;
  readonly sizeBytes: number;
}

/** @throws BuildError `packaging/bad-deb`, `archive/damaged` */
export async function packedPayload(path: string): Promise<PackedPayload> {
  const member = (await readAr(path)).find(({ name }) => name.startsWith("data.tar"));
  if (member === undefined) throw new BuildError([badDeb(path, "it has no data.tar member")]);
  const { name, offset, sizeBytes } = member;
  return { name, offset, sizeBytes };
}
