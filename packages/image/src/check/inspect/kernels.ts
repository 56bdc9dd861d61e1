/**
 * What the kernels of a tree export to modules: by the list that came with a kernel (Module.symvers), by its symbols (System.map), or
 * by the kernel itself; and of its modules by what depmod has written.
 *
 * @see The Linux/x86 Boot Protocol (payload_offset), depmod(8), Documentation/kbuild/modules.rst of the kernel
 */
import { Readable } from "node:stream";
import { decompress } from "@tsbake/archive";
import { BuildError, sortedUnique } from "@tsbake/base";
import { readKernelSymbols } from "@tsbake/elf";
import type { FileEntry } from "@tsbake/archive";
import type { BaseFacts } from "./base-facts.js";
import type { ContentTree } from "./tree.js";

type Kernel = NonNullable<BaseFacts["kernels"]>[number];

const VERSION = /^\/usr\/lib\/modules\/([^/]+)$/;
/** Of a kernel without its wrapping. */
const MOST_BYTES = 256 << 20;

/** Kernels of which all exports are known, by version. */
export async function kernelsOf(tree: ContentTree): Promise<Kernel[]> {
  const kernels: Kernel[] = [];
  for (const { path, kind } of tree.below("/usr/lib/modules")) {
    const [, version] = VERSION.exec(path) ?? [];
    if (version === undefined || kind !== "directory") continue;
    const listed = allSymbols(tree, version);
    const own = listed ?? (await kernelSymbols(tree, version));
    const modules = listed === undefined ? moduleSymbols(tree, version) : [];
    if (own !== undefined && modules !== undefined)
      kernels.push({ version, symbols: sortedUnique([...own, ...modules]) });
  }
  return kernels;
}

function fileAt(tree: ContentTree, path: string): FileEntry | undefined {
  const found = tree.find(path);
  return found.kind === "there" && found.entry.kind === "file" ? found.entry : undefined;
}

function wholeText(tree: ContentTree, path: string): string {
  const entry = fileAt(tree, path);
  return entry === undefined ? "" : tree.bytes(entry, 0, entry.sizeBytes).toString("latin1");
}

/** Of the kernel and its modules: `CRC SYMBOL MODULE KIND`. */
function allSymbols(tree: ContentTree, version: string): string[] | undefined {
  const found = [`/usr/lib/modules/${version}/Module.symvers`, `/boot/Module.symvers-${version}`].flatMap(
    (path) => [...wholeText(tree, path).matchAll(/^0x[0-9a-f]+\t(\S+)\t/gm)].map(([, name = ""]) => name),
  );
  return found.length > 0 ? found : undefined;
}

async function kernelSymbols(tree: ContentTree, version: string): Promise<string[] | undefined> {
  for (const path of [`/usr/lib/modules/${version}/System.map`, `/boot/System.map-${version}`]) {
    const exported = [...wholeText(tree, path).matchAll(/ __ksymtab_(\S+)$/gm)].map(([, name = ""]) => name);
    if (exported.length > 0) return exported;
  }
  for (const path of [`/usr/lib/modules/${version}/vmlinuz`, `/boot/vmlinuz-${version}`]) {
    const entry = fileAt(tree, path);
    const kernel = entry && (await unwrapped(tree.bytes(entry, 0, entry.sizeBytes)));
    const exported = kernel && readKernelSymbols((at, size) => kernel.subarray(at, at + size))?.gives;
    if (exported !== undefined && exported.length > 0) return [...exported];
  }
  return undefined;
}

/** The ELF file in a bzImage; undefined for what is none, or is packed by what this machine cannot unpack. */
async function unwrapped(image: Buffer): Promise<Buffer | undefined> {
  if (image.length < 0x250 || image.toString("latin1", 0x202, 0x206) !== "HdrS") return undefined;
  const at = ((image[0x1f1] || 4) + 1) * 512 + image.readUInt32LE(0x248);
  const packed = image.subarray(at, at + image.readUInt32LE(0x24c));
  // The size of what is in it stands behind it, but for gzip, which has one of its own.
  const isGzip = packed[0] === 0x1f && packed[1] === 0x8b;
  const body = isGzip ? packed : packed.subarray(0, -4);
  try {
    const pieces: Buffer[] = [];
    let length = 0;
    for await (const piece of decompress(Readable.from([body]), "the kernel")) {
      if ((length += piece.length) > MOST_BYTES) return undefined;
      pieces.push(piece);
    }
    return Buffer.concat(pieces);
  } catch (error) {
    if (error instanceof BuildError) return undefined;
    throw error;
  }
}

/** Undefined where modules are packed and depmod has listed none. */
function moduleSymbols(tree: ContentTree, version: string): string[] | undefined {
  const folder = `/usr/lib/modules/${version}`;
  const listed = wholeText(tree, `${folder}/modules.symbols`);
  if (listed !== "") return [...listed.matchAll(/^alias symbol:(\S+) /gm)].map(([, name = ""]) => name);
  const modules = tree.below(folder).filter(({ kind, path }) => kind === "file" && /\.ko(\.|$)/.test(path));
  if (modules.some(({ path }) => !path.endsWith(".ko"))) return undefined;
  return modules.flatMap(
    (entry) => readKernelSymbols((at, size) => tree.bytes(entry, at, size))?.gives ?? [],
  );
}
