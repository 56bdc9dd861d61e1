/** Where overlays are, and who opens them. */
import { join } from "node:path";
import type { Build } from "@tsbake/engine";

/** The folder that has the build's overlays. */
export function overlaysOf({ project, topdir }: Build): string {
  return project.configurationText("OVERLAY_DIR") ?? `${topdir}/overlays`;
}

/** Has rpm and rpmdb in its sysroot. */
export const RPM_TOOLS = "rpm-native";

/** A PATH with rpm and rpmdb, which are there where an image of rpm packages was built; undefined: no recipe makes them. */
export function rpmPrograms(build: Build): string | undefined {
  const folder = build.sysrootFolder(RPM_TOOLS);
  return folder === undefined ? undefined : join(folder, "usr/bin");
}

/** What a second opener is told of this process. */
export function holderText(): string {
  return `process ${process.pid}, since ${new Date().toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
