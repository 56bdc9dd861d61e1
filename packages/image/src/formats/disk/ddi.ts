/**
 * A tree as a disk image with a partition table (DDI): a root partition of erofs, its dm-verity tree, and a signature of the
 * tree's root hash. systemd-repart writes it, of a file system that was made before: so owners are those of the tree, whoever
 * builds.
 *
 * @see The Discoverable Partitions Specification (UAPI.2), Discoverable Disk Image (UAPI.3), repart.d(5)
 */
import { mkdir, realpath, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { BuildError, checkSigningPair, run, sha256, sha256File } from "@tsbake/base";
import { list, readData } from "@tsbake/base/data";
import * as v from "valibot";
import * as problems from "../../problems.js";
import { systemdArchitecture } from "../architecture.js";
import { programOn, uuidOf } from "../tools.js";
import { toErofs, type FileSystemOptions } from "./erofs.js";
import { joinSignature } from "./signature.js";

/** What protects the content, in mkosi's words for `Verity=`. */
export const VERITY = ["no", "hash", "signed", "defer"] as const;
export type Verity = (typeof VERITY)[number];

export interface DiskOptions {
  /** The distribution's word, e.g. `amd64`. */
  readonly architecture: string;
  /**
   * `no`: the partition alone. `hash`: its verity tree. `signed`: and the signature. `defer`: and room for a signature that
   * somebody else makes.
   */
  readonly verity: Verity;
  /** For `signed`: absolute path of the private key, PEM. */
  readonly key?: string | undefined;
  /** For `signed`, and for `defer` with a signature: absolute path of the certificate, PEM. */
  readonly certificate?: string | undefined;
  /** For `defer`: absolute path of the signature of the root hash, PKCS#7 in DER. */
  readonly signature?: string | undefined;
  /** The root hash goes here, as it is signed: hexadecimal, without a line end. Default: nowhere. */
  readonly rootHash?: string | undefined;
}

/** What systemd-repart says of a partition. @see systemd-repart(8), --json= */
const Partitions = list(
  v.object({
    type: v.string(),
    offset: v.number(),
    raw_size: v.number(),
    roothash: v.optional(v.nullable(v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)))),
  }),
);

/** As large as systemd-repart makes it. */
const SIGNATURE_BYTES = 16 << 10;

/**
 * The ids of disk and partitions follow from the content, so the same tree gives the same bytes; a signature does with an RSA key,
 * and never with an EC one.
 *
 * @throws BuildError `image/no-tool`, `image/format-failed`, `image/bad-root-signature`, `base/bad-signing-key`,
 *   `image/unknown-architecture`
 */
export async function toDdi(options: FileSystemOptions, disk: DiskOptions): Promise<void> {
  const { key, certificate, verity } = disk;
  if (verity === "signed") await checkSigningPair({ key: key ?? "", certificate: certificate ?? "" });
  const tool = await realpath(await programOn("systemd-repart", "systemd-tools-native"));
  const work = resolve(options.work, "ddi");
  await rm(work, { recursive: true, force: true });
  await mkdir(join(work, "repart.d"), { recursive: true });
  const content = join(work, "root.erofs");
  await toErofs({ ...options, output: content });
  const root = `root-${systemdArchitecture(disk.architecture)}`;
  for (const [index, lines] of definitions(root, content, verity).entries())
    await writeFile(join(work, "repart.d", `${index}.conf`), ["[Partition]", ...lines, ""].join("\n"));
  const seed = uuidOf(sha256(`ddi\n${await sha256File(options.tree)}`));
  const output = resolve(options.output);
  const args = [
    "--offline=yes",
    "--empty=create",
    "--size=auto",
    "--dry-run=no",
    "--json=short",
    "--no-pager",
    `--definitions=${join(work, "repart.d")}`,
    `--seed=${seed}`,
    ...(verity === "signed" ? [`--private-key=${key ?? ""}`, `--certificate=${certificate ?? ""}`] : []),
    output,
  ];
  const env = {
    PATH: dirname(tool),
    LC_ALL: "C.UTF-8",
    TZ: "UTC",
    TMPDIR: work,
    SOURCE_DATE_EPOCH: String(options.epochSeconds),
    SYSTEMD_LOG_LEVEL: "warning",
    // What this machine says of algorithms and providers is meant for another OpenSSL.
    OPENSSL_CONF: "/dev/null",
  };
  const done = await run(tool, args, { env, mayFail: true });
  if (done.code !== 0)
    throw new BuildError([problems.formatFailed("systemd-repart", done.code, done.stderr || done.stdout)]);
  const partitions = readData(Partitions, done.stdout, (why) =>
    problems.formatFailed("systemd-repart", 0, `its answer cannot be read: ${why}`),
  );
  const rootHash = partitions.find(({ type }) => type === root)?.roothash ?? undefined;
  if (rootHash !== undefined && disk.rootHash !== undefined) await writeFile(disk.rootHash, rootHash);
  if (verity === "defer" && disk.signature !== undefined) {
    const place = partitions.find(({ type }) => type === `${root}-verity-sig`);
    if (rootHash === undefined || place === undefined || place.raw_size < SIGNATURE_BYTES)
      throw new Error("internal: there is no room for the signature");
    await joinSignature({
      image: output,
      at: place.offset,
      sizeBytes: SIGNATURE_BYTES,
      rootHash,
      signature: disk.signature,
      certificate: disk.certificate ?? "",
      work,
      openssl: join(dirname(tool), "openssl"),
    });
  }
  await rm(work, { recursive: true, force: true });
}

/** Lines of the partitions' definitions, in the order of the disk. @see repart.d(5) */
function definitions(root: string, content: string, verity: Verity): string[][] {
  // A path is a text with specifiers.
  const data = [`Type=${root}`, `CopyBlocks=${content.replaceAll("%", "%%")}`];
  if (verity === "no") return [data];
  const hash = [`Type=${root}-verity`, "Verity=hash", "VerityMatchKey=root", "Minimize=best"];
  const both = [[...data, "Verity=data", "VerityMatchKey=root"], hash];
  if (verity === "hash") return both;
  const type = `Type=${root}-verity-sig`;
  // Without a key there is no `Verity=signature`; the same place, empty.
  if (verity === "defer")
    return [...both, [type, `SizeMinBytes=${SIGNATURE_BYTES}`, `SizeMaxBytes=${SIGNATURE_BYTES}`]];
  return [...both, [type, "Verity=signature", "VerityMatchKey=root"]];
}
