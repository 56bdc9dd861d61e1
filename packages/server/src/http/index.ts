/** HTTP: the door (`listener.ts`), who may what (`access.ts`), and one file for each thing that can be asked. */
export { listen, type Listener } from "./listener.js";
export { route, type Page, type Pages } from "./router.js";
export type { HttpContext, HttpLimits } from "./context.js";
