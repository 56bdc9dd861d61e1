/** Where overlays are, and who opens them. */
import type { Build } from "@tsbake/engine";

/** The folder that has the build's overlays. */
export function overlaysOf({ project, topdir }: Build): string {
  return project.configurationText("OVERLAY_DIR") ?? `${topdir}/overlays`;
}

/** What a second opener is told of this process. */
export function holderText(): string {
  return `process ${process.pid}, since ${new Date().toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
