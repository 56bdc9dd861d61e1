/**
 * An image against another build of it. The page of an image has the same bytes wherever it is made, so it cannot know what was
 * built before: the browser compares, with a page that somebody chooses, or with the last other build that it has shown.
 */
import { html, type Markup } from "@tsbake/base/page";
import { allFiles, type ResultRequest } from "../facts/result.js";
import { biggestPackages, contentBytes } from "../facts/size.js";

/** What a page carries for others that are compared with it. */
interface ComparedData {
  readonly format: 1;
  readonly image: string;
  readonly machine: string;
  readonly version: string;
  readonly contentBytes: number;
  /** Bytes by type of image. */
  readonly outputs: Readonly<Record<string, number>>;
  /** Version and bytes of files, by name. */
  readonly packages: Readonly<Record<string, readonly [version: string, sizeBytes: number]>>;
}

export function comparedData(request: ResultRequest): ComparedData {
  const { image, machine, version, facts, outputs } = request;
  const files = allFiles(request);
  const sizes = new Map(
    biggestPackages(files, Number.POSITIVE_INFINITY).map(({ name, sizeBytes }) => [name, sizeBytes]),
  );
  return {
    format: 1,
    image,
    machine,
    version,
    contentBytes: contentBytes(files),
    outputs: Object.fromEntries(
      outputs.flatMap(({ type, sizeBytes }) => (sizeBytes === undefined ? [] : [[type, sizeBytes]])),
    ),
    packages: Object.fromEntries(
      facts.packages.map(({ name, version: own }) => [name, [own, sizes.get(name) ?? 0]]),
    ),
  };
}

export function compareSection(): Markup {
  return html`<p class="control">
      <label>Page of another build of it: <input type="file" id="other" accept=".html,text/html" /></label>
    </p>
    <div id="difference" role="status">
      <p class="soft">No other build has been shown in this browser yet. Choose the .html of one.</p>
    </div>`;
}
