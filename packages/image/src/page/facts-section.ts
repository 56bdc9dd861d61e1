/** Where an image comes from and what it fits. */
import { html, type Markup, type Insertion } from "@tsbake/base/page";
import type { LayerFacts } from "../facts/facts.js";
import { plural, type ResultRequest } from "../facts/result.js";
import { readableSize } from "../facts/size.js";
import { type Cell, table } from "./tables.js";

export function factsSection({ facts, extension, outputs }: ResultRequest): Markup {
  const { distribution, closure } = facts;
  const systemd = systemdOf(facts);
  const lines: readonly (readonly [string, Insertion])[] = [
    ["Distribution", [distribution.id ?? "", " ", distribution.version ?? ""]],
    ["Architecture", facts.architecture],
    ["Packages are", facts.backend],
    ["systemd", systemd],
    ["Base", extension?.base],
    ["Package database of the base", extension && html`<code>${extension.baseDigest}</code>`],
    ["Own package database", facts.databaseDigest && html`<code>${facts.databaseDigest}</code>`],
    ["Tied to the base by", extension?.policy],
    ["extension-release", extension && fields(extension.release)],
    ["of its confext", extension?.companion && fields(extension.companion.release)],
    ["Needs on the device", extension?.needs?.join(" ")],
    [
      "Full closure",
      extension &&
        `${plural(closure.count, "package")}, ${readableSize(closure.installedSizeBytes)} installed`,
    ],
  ];
  const rows = outputs.map(({ type, sizeBytes, sha256 }): Cell[] => [
    type,
    sizeBytes === undefined ? "folder" : readableSize(sizeBytes),
    sha256 ?? "",
  ]);
  const columns = [
    { title: "Made", kind: "name" },
    { title: "Size", kind: "number" },
    { title: "SHA-256", kind: "name" },
  ];
  return html`<dl>
      ${lines.map(
        ([name, value]) =>
          Boolean(value) &&
          html`<dt>${name}</dt>
            <dd>${value}</dd>`,
      )}
    </dl>
    ${rows.length > 0 && table("What was made", columns, rows, { allIn: "the .json beside this page" })}`;
}

function fields(release: Readonly<Record<string, string>>): Markup[] {
  return Object.entries(release).map(([name, value]) => html`<code>${name}=${value}</code> `);
}

/** The version that will read an extension: the base's, or the image's own. */
function systemdOf({ packages, inBase }: LayerFacts): string | undefined {
  return [...packages, ...inBase].find(({ name }) => name === "systemd")?.version;
}
