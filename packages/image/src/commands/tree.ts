/** `unpack`, `pack` and `convert`: an image's tree on its way from task to task and into its final form. */
import type { FileEntry } from "@tsbake/archive";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { openSandbox } from "@tsbake/sandbox";
import { IMAGE_TYPES, convert as convertTree } from "../formats/convert.js";
import { VERITY } from "../formats/disk/ddi.js";
import { oneOf } from "./one-of.js";
import { parseFileManifest } from "../facts/file-manifest.js";
import { packImageTree, unpackTree } from "../formats/tree.js";
import { anyOf } from "../rules/rules.js";
import { type Command, EPOCH } from "@tsbake/base/program";

const TREE = { tree: { value: "FILE", help: "tar of the tree", isRequired: true } } as const;
const ROOT = { root: { value: "DIR", help: "the tree on disk", isRequired: true } } as const;

export const unpack: Command = {
  summary: "unpacks a tree with its owners; call it under `tsbake-package fakeroot`",
  options: { ...TREE, ...ROOT },
  async run(args) {
    await using sandbox = await openSandbox();
    await unpackTree(args.text("tree"), args.text("root"), sandbox);
  },
};

export const pack: Command = {
  summary: "packs a tree and writes its file manifest; call it under `tsbake-package fakeroot`",
  options: {
    ...ROOT,
    owners: { value: "FILE", help: "an earlier file manifest of the tree that says whose each path is" },
    "allow-private-keys": { value: "PATTERNS", help: "paths where a private key is meant to be" },
    output: { value: "DIR", help: "where image.tar and files.jsonl go", isRequired: true },
    ...EPOCH,
  },
  async run(args) {
    const before = await entriesIn(args.optional("owners"));
    const owners = new Map(
      before.flatMap((entry) => (entry.package === undefined ? [] : [[entry.path, entry.package]])),
    );
    const digests = new Map(before.map((entry) => [entry.path, entry.sha256]));
    await using sandbox = await openSandbox();
    await packImageTree({
      root: args.text("root"),
      sandbox,
      output: join(args.text("output"), "image.tar"),
      files: join(args.text("output"), "files.jsonl"),
      epochSeconds: args.epoch("epoch"),
      owners: () => owners,
      keys: {
        // What is as do_rootfs left it was looked at there.
        isShipped: (entry) => digests.get(entry.path) === entry.sha256,
        isAllowed: anyOf(args.words("allow-private-keys")),
        maker: async () => "a command of ROOTFS_POSTPROCESS_COMMAND or IMAGE_PREPROCESS_COMMAND",
      },
    });
  },
};

export const convert: Command = {
  summary: "makes an image of one type from a tree",
  options: {
    ...TREE,
    type: { value: "TYPE", help: `one of ${IMAGE_TYPES.join(", ")}`, isRequired: true },
    output: { value: "PATH", help: "the file, or folder for type directory", isRequired: true },
    work: { value: "DIR", help: "a folder to work in", isRequired: true },
    extra: { value: "WORDS", help: "further arguments of the tool that makes the type" },
    architecture: { value: "NAME", help: "of a ddi: the distribution's word, e.g. amd64" },
    verity: { value: "WORD", help: `of a ddi: ${VERITY.join(", ")}` },
    key: { value: "FILE", help: "of a signed ddi: the private key, PEM" },
    certificate: { value: "FILE", help: "of a signed ddi: the certificate, PEM" },
    signature: { value: "FILE", help: "of a deferred ddi: the signature of its root hash, PKCS#7 in DER" },
    "root-hash": { value: "FILE", help: "of a ddi: where its root hash goes" },
    ...EPOCH,
  },
  async run(args) {
    const verity = args.optional("verity");
    await convertTree(args.text("type"), {
      ...(verity !== undefined && {
        disk: {
          architecture: args.text("architecture"),
          verity: oneOf("IMAGE_VERITY", verity, VERITY),
          key: args.optional("key"),
          certificate: args.optional("certificate"),
          signature: args.optional("signature"),
          rootHash: args.optional("root-hash"),
        },
      }),
      tree: args.text("tree"),
      output: args.text("output"),
      work: args.text("work"),
      extra: args.words("extra"),
      epochSeconds: args.epoch("epoch"),
    });
  },
};

async function entriesIn(path: string | undefined): Promise<FileEntry[]> {
  return path === undefined ? [] : parseFileManifest(await readFile(path, "utf8"), path);
}
