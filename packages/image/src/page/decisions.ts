/** What of an extension does not ship just as its package has it, or what removed packages left in an image, by kind. */
import { html, type Markup } from "@tsbake/base/page";
import type { PathDecision } from "../facts/reported.js";
import { plural, type ResultRequest } from "../facts/result.js";
import { type Cell, filterBox, table } from "./tables.js";

/** In the order of the page: what one should look at first. docs/manual.md has the same words. */
const MEANINGS: Readonly<Record<PathDecision, string>> = {
  "shadows-base": "hides another file of the base, as SYSEXT_MAY_SHADOW allows",
  dropped: "does not ship",
  factory: "ships below /usr/share/factory, and a line of tmpfiles.d puts it in place",
  confext: "ships in the confext image that comes with it",
  moved: "ships where a link of the base leads, or where systemd reads it below /usr",
  "same-as-base": "the base has the very same file, so it does not ship",
  "direct-link": "a link of the alternatives, which leads straight to its program",
  "fixed-id": "an account with the same number on every device, since files carry it",
  "mode-narrowed": "ships with a narrower mode, as a script or an override of the base would have it",
  "mode-of-base": "a folder that keeps mode and owner of the base",
  "left-file": "nobody owns it now",
  "left-configuration": "nobody owns it now",
  "left-link": "it led somewhere in the base and does not any more",
  "left-alternative": "a link of update-alternatives that leads nowhere",
  "left-unit": "an enabled unit or an alias whose unit file is gone",
  "left-user": "an account that only a removed package makes",
  "left-group": "an account that only a removed package makes",
  "left-override": "what dpkg-statoverride keeps for a path that is gone",
  "xattr-dropped": "an attribute of overlayfs that would change the base",
};

/** Groups of more rows are closed at first. */
const MOST_OPEN = 12;

/** @returns nothing for an image from nothing: all of it ships as it was installed */
export function decisionsSection({ extension, facts }: ResultRequest): Markup | undefined {
  const report = extension?.report ?? facts.template?.left;
  if (report === undefined) return undefined;
  if (report.length === 0)
    return html`<p>
      ${extension ? "Everything ships as its package has it." : "Removed packages left nothing behind."}
    </p>`;
  const columns = [
    { title: "Path", kind: "name" },
    { title: "Because" },
    { title: "Package", kind: "name wide" },
  ];
  const groups = Object.entries(MEANINGS).map(([decision, meaning]) => {
    const rows = report
      .filter((one) => one.decision === decision)
      .map((one): Cell[] => [one.path, one.because, one.package ?? ""]);
    if (rows.length === 0) return undefined;
    return html`<details${rows.length <= MOST_OPEN && html` open`}><summary><b>${decision}</b> <span class="soft">${plural(rows.length, "path")}: ${meaning}</span></summary>
${table(decision, columns, rows, { allIn: "the .report beside this page" })}</details>
`;
  });
  const what = extension
    ? "that do not ship just as their packages have them; all others do."
    : "that removed packages left behind.";
  return html`<p class="soft">${plural(report.length, extension ? "path" : "thing")} ${what}</p>
    ${filterBox("decisions", "part of a path or package")} ${groups}`;
}
