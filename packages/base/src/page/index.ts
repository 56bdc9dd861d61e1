/**
 * `@tsbake/base/page`: pages of HTML for people, each one file that needs nothing else. Whoever writes none does not load it.
 */
export { html, Markup, nothing, type Insertion } from "./markup.js";
export { htmlPage, type PageParts } from "./page.js";
