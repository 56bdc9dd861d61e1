/** `tsbake shell diff` and `commit`: what was changed in an overlay, and the recipes that say so. */
import { resolve } from "node:path";
import { BuildError } from "@tsbake/base";
import type { Build } from "@tsbake/engine";
import { commitOverlay, type CommitPlan, diffOverlay, type Difference } from "@tsbake/overlay";
import { whichLayer } from "../../problems.js";
import { tableText } from "../../text/table.js";
import { count } from "../../text/text.js";
import type { SessionCommand } from "../command.js";
import { holderText, overlaysOf, rpmPrograms } from "./folder.js";

export const diff: SessionCommand = {
  async answer({ request }, build) {
    const { name } = request.shell!;
    const { base, difference, plan } = await diffOverlay({
      overlays: overlaysOf(build),
      name,
      programs: rpmPrograms(build),
    });
    return { text: diffText(name, base, difference, plan), data: { name, base, ...difference, plan } };
  },
};

export const commit: SessionCommand = {
  async answer({ request, around }, build) {
    const { name, as, layer } = request.shell!;
    const folder = layer === undefined ? onlyLayer(build) : resolve(around.directory, layer);
    const { plan, files } = await commitOverlay({
      overlays: overlaysOf(build),
      name,
      programs: rpmPrograms(build),
      as: as!,
      layer: folder,
      holder: holderText(),
    });
    const written = files.map((path) => `${folder}/${path}\n`).join("");
    const next = `\`tsbake ${as}\` builds it\n`;
    return { text: `${written}${leftText(plan)}${next}`, data: { layer: folder, files, plan } };
  },
};

/** The one that is not tsbake's own. @throws BuildError `cli/which-layer` */
function onlyLayer({ project }: Build): string {
  const own = project.layers.filter(({ name }) => name !== "core").map(({ path }) => path);
  if (own.length !== 1) throw new BuildError([whichLayer(own)]);
  return own[0]!;
}

function diffText(name: string, base: string, difference: Difference, plan: CommitPlan): string {
  const { added, changed, removed, files, byScripts } = difference;
  const rows = [
    ...added.map((one) => ["+", one.name, one.version, one.isAutomatic ? "another one needs it" : ""]),
    ...changed.map((one) => ["~", one.name, `${one.from} → ${one.to}`, ""]),
    ...removed.map((one) => ["-", one.name, one.version, ""]),
    ...files.map((one) => [one.change, one.path, "", one.package === undefined ? "" : `of ${one.package}`]),
  ];
  if (rows.length === 0) return `nothing was changed in the shell \`${name}\` on ${base}\n`;
  const scripts =
    byScripts.length === 0
      ? ""
      : `${count(byScripts.length, "path")} that maintainer scripts have changed, as they will again: not listed\n`;
  return `${tableText(rows)}${scripts}${leftText(plan)}`;
}

function leftText({ left }: CommitPlan): string {
  if (left.length === 0) return "";
  return `not expressible in an extension:\n${tableText(left.map(({ what, why }) => ["", what, why]))}`;
}
