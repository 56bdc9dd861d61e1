/** Tars made byte by byte, so that they can be as wrong as an attacker likes. */

export interface RawEntry {
  readonly name: string;
  /** The type flag, one character; default: `0`, a file. */
  readonly flag?: string;
  readonly link?: string;
  readonly data?: string | Uint8Array;
  /** What the header says of the size; default: the truth. */
  readonly size?: number | string;
  readonly mode?: number;
  readonly magic?: string;
  readonly prefix?: string;
  /** Bytes from 508 on: `tar\0` makes it the old star format. */
  readonly tail?: string;
  readonly checksum?: number;
}

export function rawTar(entries: readonly RawEntry[], end = 2): Buffer {
  return Buffer.concat([...entries.map(rawEntry), Buffer.alloc(512 * end)]);
}

export function rawEntry(entry: RawEntry): Buffer {
  const data = Buffer.from(entry.data ?? "");
  const block = Buffer.alloc(512);
  block.write(entry.name, 0, 100);
  block.write(`${(entry.mode ?? 0o644).toString(8).padStart(7, "0")}\0`, 100);
  block.write("0000000\0", 108);
  block.write("0000000\0", 116);
  const size = entry.size ?? data.length;
  block.write(typeof size === "string" ? size : `${size.toString(8).padStart(11, "0")}\0`, 124, 12, "latin1");
  block.write("00000000000\0", 136);
  block.write(entry.flag ?? "0", 156, "latin1");
  block.write(entry.link ?? "", 157, 100);
  block.write(entry.magic ?? "ustar\x0000", 257, "latin1");
  block.write(entry.prefix ?? "", 345, 155);
  block.write(entry.tail ?? "", 508, "latin1");
  block.fill(0x20, 148, 156);
  const sum = entry.checksum ?? block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return Buffer.concat([block, data, Buffer.alloc((512 - (data.length % 512)) % 512)]);
}

/** One pax record with the right length in front. */
function paxRecord(key: string, value: string): string {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + 1;
  while (String(length).length + rest !== length) length = String(length).length + rest;
  return `${length} ${key}=${value}\n`;
}

export function paxEntry(records: Readonly<Record<string, string>>, flag = "x"): RawEntry {
  const body = Object.entries(records).map(([key, value]) => paxRecord(key, value));
  return { name: "PaxHeader", flag, data: body.join("") };
}
