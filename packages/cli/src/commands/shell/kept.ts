/** `tsbake shell list`, `rm` and `reset`: the overlays that are kept. */
import { listOverlays, type KeptOverlay, removeOverlay, resetOverlay } from "@tsbake/overlay";
import { ageText, sizeText } from "../../text/quantities.js";
import { tableText } from "../../text/table.js";
import type { SessionCommand } from "../command.js";
import { holderText, overlaysOf, rpmPrograms } from "./folder.js";

export const list: SessionCommand = {
  async answer(_asked, build) {
    const folder = overlaysOf(build);
    const overlays = await listOverlays(folder, rpmPrograms(build));
    return { text: listText(overlays, Date.now()), data: { folder, overlays } };
  },
};

export const remove: SessionCommand = {
  async answer({ request }, build) {
    const { name } = request.shell!;
    await removeOverlay(overlaysOf(build), name, holderText());
    return { text: `the shell \`${name}\` is gone\n`, data: { name } };
  },
};

export const reset: SessionCommand = {
  async answer({ request }, build) {
    const { name } = request.shell!;
    const base = await resetOverlay(overlaysOf(build), name, holderText());
    return { text: `the shell \`${name}\` is as ${base} again\n`, data: { name, base } };
  },
};

function listText(overlays: readonly KeptOverlay[], nowMs: number): string {
  if (overlays.length === 0) return "no shell is kept; `tsbake shell --on IMAGE` begins one\n";
  const rows = overlays.map(({ name, base, added, removed, sizeBytes, usedMs, holder }) => [
    name,
    base,
    `+${added} -${removed}`,
    sizeText(sizeBytes),
    holder === undefined ? `${ageText(nowMs - usedMs)} ago` : `open: ${holder}`,
  ]);
  return tableText([["name", "base", "packages", "size", "last use"], ...rows]);
}
