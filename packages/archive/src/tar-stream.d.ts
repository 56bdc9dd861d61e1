/** What we use of tar-stream 3.2.2, which ships no types. */
declare module "tar-stream" {
  import type { Readable, Writable } from "node:stream";

  export type EntryType =
    | "file"
    | "link"
    | "symlink"
    | "character-device"
    | "block-device"
    | "directory"
    | "fifo"
    | "contiguous-file";

  export interface Header {
    name: string;
    mode: number;
    uid: number;
    gid: number;
    size: number;
    /** Offset of the entry's data in the archive, bytes. */
    byteOffset: number;
    mtime: Date;
    /** null: a type flag that tar-stream does not know. */
    type: EntryType | null;
    linkname: string | null;
    uname: string;
    gname: string;
    devmajor: number;
    devminor: number;
    pax: Record<string, string> | null;
  }

  export interface Entry extends Readable {
    readonly header: Header;
  }

  export interface Extract extends Writable {
    on(
      event: "entry",
      listener: (header: Header, stream: Entry, next: (error?: Error) => void) => void,
    ): this;
    on(event: "error", listener: (error: Error) => void): this;
    on(event: string, listener: () => void): this;
    [Symbol.asyncIterator](): AsyncIterator<Entry>;
  }

  export interface NewHeader {
    name: string;
    type: EntryType;
    mode: number;
    uid: number;
    gid: number;
    mtime: Date;
    size?: number;
    linkname?: string;
    devmajor?: number;
    devminor?: number;
    pax?: Record<string, string>;
  }

  export interface Pack extends Readable {
    entry(header: NewHeader, callback: (error?: Error | null) => void): Writable;
    entry(header: NewHeader, data: Uint8Array, callback: (error?: Error | null) => void): Writable;
    finalize(): void;
  }

  export function extract(options?: {
    highWaterMark?: number;
    filenameEncoding?: "utf-8" | "latin1";
  }): Extract;
  export function pack(options?: { highWaterMark?: number }): Pack;
}
