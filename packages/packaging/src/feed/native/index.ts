/** Trees of tools that run from any folder: links stay inside (`links.ts`), programs find their libraries (`programs.ts`). */
export { HELD_LINK, relativeLinks } from "./links.js";
export { wrapPrograms } from "./programs.js";
