/**
 * The page of an image: what the manifest, the report and the findings say, for people who look.
 */
export { formatPage, type PageRequest } from "./image-page.js";
