/** The frame of a page: its head, the looks that all pages share, and what the browser may do with it. */
import { createHash } from "node:crypto";
import { html, Markup, TURNING } from "./markup.js";
import { STYLE } from "./style.js";

export interface PageParts {
  readonly title: string;
  readonly body: Markup;
  /** CSS behind what all pages share. */
  readonly style?: string;
  /** JavaScript of the page's own. It is the only one that the browser runs there. */
  readonly script?: string;
  /** For the script, as JSON in the element with the id `data`. */
  readonly data?: unknown;
}

/**
 * A whole document. It asks nobody for anything, and its own policy says so to the browser: were something not escaped, it would
 * be shown and not run.
 *
 * @see https://www.w3.org/TR/CSP3/
 */
export function htmlPage({ title, body, style = "", script, data }: PageParts): string {
  const scripts = script === undefined ? "" : `; script-src 'sha256-${sha256(script)}'`;
  const policy = `default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'${scripts}`;
  // These have their text as it is, to the letter: the policy has its digest.
  const styleElement = new Markup(`<style>${STYLE}${style}</style>`);
  const dataElement = new Markup(`<script type="application/json" id="data">${json(data)}</script>`);
  const scriptElement = new Markup(`<script>${script}</script>`);
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${new Markup(policy)}" />
        <meta name="viewport" content="width=device-width" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}</title>
        ${styleElement}
      </head>
      <body>
        ${body} ${data !== undefined && dataElement} ${script !== undefined && scriptElement}
      </body>
    </html> `.text;
}

/** `</script>` or `<!--` in a name would end the element; what turns letters around is to be seen in the source. */
function json(data: unknown): string {
  return (JSON.stringify(data) ?? "")
    .replaceAll("<", String.raw`\u003c`)
    .replaceAll(TURNING, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function sha256(script: string): string {
  return createHash("sha256").update(script).digest("base64");
}
