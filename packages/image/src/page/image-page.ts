/** `NAME.html`: what is in an image and why, as one page. Same bytes for the same image; nothing in it says when or where it was made. */
import { html, htmlPage, type Markup, nothing } from "@tsbake/base/page";
import type { CheckReport } from "../check/finding.js";
import { allFiles, plural, type ResultRequest, savedBytes } from "../facts/result.js";
import { contentBytes, readableSize } from "../facts/size.js";
import { comparedData, compareSection } from "./compare.js";
import { decisionsSection } from "./decisions.js";
import { factsSection } from "./facts-section.js";
import { findingsSection } from "./findings.js";
import { filesSection, packagesSection } from "./packages.js";
import { IMAGE_SCRIPT } from "./script.js";
import { scriptsSection } from "./scripts.js";
import { SECTION_STYLE } from "./tables.js";

export interface PageRequest extends ResultRequest {
  /** What do_check found; absent for a base, and where nobody looked. */
  readonly check?: CheckReport | undefined;
}

/** A part of the page that the list of parts on top leads to. */
interface Section {
  readonly id: string;
  readonly title: string;
  /** Absent where the image has nothing of it. */
  readonly body: Markup | undefined;
}

/** The page, a whole document. */
export function formatPage(request: PageRequest): string {
  const { image, machine, version, extension } = request;
  const sections: readonly Section[] = [
    { id: "findings", title: "Findings", body: findingsSection(request) },
    { id: "packages", title: "Packages", body: packagesSection(request) },
    { id: "files", title: "Biggest files", body: filesSection(request) },
    { id: "decisions", title: "Decided path by path", body: decisionsSection(request) },
    { id: "scripts", title: "Maintainer scripts", body: scriptsSection(request) },
    { id: "compare", title: "Against another build", body: compareSection() },
    { id: "facts", title: "Facts", body: factsSection(request) },
  ];
  const there = sections.filter(({ body }) => body !== undefined);
  return htmlPage({
    title: `${image} ${version}`,
    style: SECTION_STYLE,
    script: IMAGE_SCRIPT,
    data: comparedData(request),
    body: html`<div class="page">
      <header class="card">
        <h1>${image} <small>${version}</small></h1>
        <p class="soft">
          ${extension === undefined ? "Image" : html`Extension on <b>${extension.base}</b>`} for ${machine}
        </p>
        <ul class="tiles">
          ${tiles(request)}
        </ul>
        <nav aria-label="Parts of this page">
          ${there.map(({ id, title }) => html`<a href="#${id}">${title}</a> `)}
        </nav>
      </header>
      <main class="page-parts">
        ${there.map(
          ({ id, title, body }) =>
            html`<section class="card" id="${id}" aria-labelledby="${id}-title">
              <h2 id="${id}-title">${title}</h2>
              ${body}
            </section> `,
        )}
      </main>
    </div>`,
  });
}

function tiles(request: PageRequest): Markup[] {
  const { facts, extension, outputs, check } = request;
  const errors = check?.findings.filter(({ severity }) => severity === "error").length ?? 0;
  const warnings = (check?.findings.length ?? 0) - errors;
  return [
    tile(readableSize(contentBytes(allFiles(request))), "content"),
    tile(String(facts.packages.length), facts.packages.length === 1 ? "package" : "packages"),
    ...outputs.map(({ type, sizeBytes }) =>
      sizeBytes === undefined ? nothing : tile(readableSize(sizeBytes), type),
    ),
    extension === undefined
      ? nothing
      : tile(
          readableSize(savedBytes(facts)),
          `saved against the full closure of ${plural(facts.closure.count, "package")}`,
        ),
    check === undefined
      ? nothing
      : tile(
          errors > 0 ? String(errors) : String(warnings),
          errors > 0 ? "that will not work" : "warnings of the check",
          errors > 0 ? "bad" : warnings > 0 ? "warn" : "good",
        ),
  ];
}

function tile(value: string, label: string, kind = ""): Markup {
  return html`<li><b class="${kind}">${value}</b> <span class="soft">${label}</span></li>`;
}
