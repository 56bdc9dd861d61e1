/** What a recipe says about the bytes of a download, and whether they are those. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { fail, fileNameOf, type SourceUri } from "../source/source-uri.js";
import type { FetchOptions } from "../settings/options.js";

/** The length of each in hexadecimal digits; the first is the one to write into recipes. */
const LENGTHS = { sha256: 64, sha512: 128, sha384: 96, sha1: 40, md5: 32 } as const;

export type Algorithm = keyof typeof LENGTHS;
export type Digests = Readonly<Partial<Record<Algorithm, string>>>;

export interface Expected {
  readonly algorithm: Algorithm;
  /** The name of the flag of SRC_URI. */
  readonly flag: string;
  readonly sum: string;
}

const ALGORITHMS = Object.keys(LENGTHS) as Algorithm[];

/** The flag that a checksum of the entry has in SRC_URI. */
export function flagName(source: SourceUri, algorithm: Algorithm = "sha256"): string {
  const name = fileNameOf(source);
  return name === "default" ? `${algorithm}sum` : `${name}.${algorithm}sum`;
}

/** All that the recipe declares; every one has to be right. @throws BuildError `fetch/bad-uri` */
export function expectedSums(source: SourceUri, options: Pick<FetchOptions, "sums">): Expected[] {
  const of = (flag: string, plain: string): string | undefined =>
    source.parameters[flag] ?? source.parameters[plain] ?? options.sums[flag];
  if (of(`${fileNameOf(source)}.goh1sum`, "goh1sum") ?? options.sums["goh1sum"]) {
    fail(source.uri, "checksums of Go modules (goh1sum) are not supported; write its sha256sum");
  }
  const found: Expected[] = [];
  for (const algorithm of ALGORITHMS) {
    const flag = flagName(source, algorithm);
    const plain = algorithm === "sha256" ? options.sums[fileNameOf(source)] : undefined;
    const sum = of(flag, `${algorithm}sum`) ?? plain;
    if (sum === undefined || sum === "") continue;
    if (sum.length !== LENGTHS[algorithm] || !/^[0-9a-fA-F]+$/.test(sum)) {
      const shown = algorithm.toUpperCase().replace("SHA", "SHA-");
      fail(source.uri, `\`${sum}\` is no ${shown} (${LENGTHS[algorithm]} hexadecimal digits)`);
    }
    found.push({ algorithm, flag, sum: sum.toLowerCase() });
  }
  return found;
}

/** SHA-256 and what else is asked for, in one reading. */
export async function digestsOf(path: string, expected: readonly Expected[]): Promise<Digests> {
  const wanted = new Set<Algorithm>(["sha256", ...expected.map(({ algorithm }) => algorithm)]);
  const hashes = [...wanted].map((algorithm) => [algorithm, createHash(algorithm)] as const);
  await pipeline(createReadStream(path), async (pieces: AsyncIterable<Buffer>) => {
    for await (const piece of pieces) for (const [, hash] of hashes) hash.update(piece);
  });
  return Object.fromEntries(hashes.map(([algorithm, hash]) => [algorithm, hash.digest("hex")]));
}

/** The first checksum that the bytes do not have. */
export function mismatchOf(digests: Digests, expected: readonly Expected[]): Expected | undefined {
  return expected.find(({ algorithm, sum }) => digests[algorithm] !== sum);
}
