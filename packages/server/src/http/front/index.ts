/** The short way in front of the HTTP server (`front.ts`): a connection (`connection.ts`), and what is asked over it (`plain-read.ts`). */
export { Front } from "./front.js";
