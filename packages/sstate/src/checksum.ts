/** `<object>.sha256`, in the format of sha256sum(1): what an object's bytes must be. */
import { basename } from "node:path";

export function sidecarOf(object: string): string {
  return `${object}.sha256`;
}

export function sidecarText(object: string, digest: string): string {
  return `${digest}  ${basename(object)}\n`;
}

/** The digest in a sidecar's text; undefined when it is none. */
export function digestIn(text: string): string | undefined {
  return /^([0-9a-f]{64})(?: [ *]|\s*$)/.exec(text)?.[1];
}
