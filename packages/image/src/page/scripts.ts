/** Maintainer scripts of an image, and what became of them. */
import { html, type Markup } from "@tsbake/base/page";
import type { LayerFacts } from "../facts/facts.js";
import { allFiles, plural, type ResultRequest } from "../facts/result.js";
import { type Cell, table } from "./tables.js";

export function scriptsSection(request: ResultRequest): Markup {
  const { facts, extension } = request;
  return html`<p>${fate(facts, extension?.base)}</p>
    ${facts.skippedScripts.length > 0 && skipped(facts)}
    ${facts.accounts !== undefined && accounts(facts.accounts)}
    ${
      facts.changedInBase.length > 0 &&
      html`<p>Changed in the base, as SYSEXT_ALLOW_CHANGED allows:</p>
        ${list(facts.changedInBase)}`
    }
    ${
      facts.warnings.length > 0 &&
      html`<p class="warn">Warnings of the installation:</p>
        ${list(facts.warnings)}`
    }
    ${made(request)}`;
}

function fate({ accounts: ran, skippedScripts }: LayerFacts, base: string | undefined): string {
  if (skippedScripts.length > 0)
    return `${plural(skippedScripts.length, "script")} did not run. What each would have made is not in the image, but for what is said below.`;
  if (base === undefined) return "All ran when the packages were installed.";
  return ran === undefined
    ? "None had anything to do: the packages were installed from the package database of the base alone."
    : `All ran, with all triggers, on the tree of ${base}. What is another one afterwards is part of the extension.`;
}

function skipped({ skippedScripts }: LayerFacts): Markup {
  const columns = [
    { title: "Package", kind: "name" },
    { title: "Script", kind: "name" },
    { title: "Would have made, as far as its text tells" },
  ];
  const rows = skippedScripts.map((one): Cell[] => [one.package, one.script, (one.makes ?? []).join(", ")]);
  return table("Scripts that did not run", columns, rows, { allIn: "the .skipped-scripts beside this page" });
}

function accounts({ users, groups, memberships }: NonNullable<LayerFacts["accounts"]>): Markup | false {
  const all = [
    ...users.map(({ name }) => `user ${name}`),
    ...groups.map(({ name }) => `group ${name}`),
    ...memberships.map(({ user, group }) => `${user} in group ${group}`),
  ];
  return (
    all.length > 0 &&
    html`<p>Accounts that scripts made, which sysusers.d makes on the device:</p>
      ${list(all)}`
  );
}

/** What no package brings: scripts made it, or the image itself. */
function made(request: ResultRequest): Markup | false {
  const rows = allFiles(request)
    .filter(({ kind, package: owner }) => kind !== "directory" && owner === undefined)
    .map(({ path, kind, target }): Cell[] => [path, kind === "symlink" ? `link to ${target ?? ""}` : kind]);
  return (
    rows.length > 0 &&
    html`<details>
      <summary>
        ${plural(rows.length, "path")} that no package has: made by scripts, by commands of the recipe, or for
        the image
      </summary>
      ${table("Paths without a package", [{ title: "Path", kind: "name" }, { title: "Kind" }], rows, { allIn: "the .json beside this page" })}
    </details>`
  );
}

function list(lines: readonly string[]): Markup {
  return html`<ul>
    ${lines.map((line) => html`<li>${line}</li>`)}
  </ul>`;
}
