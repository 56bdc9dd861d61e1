/** Which packages an installation takes, told without a package manager. */
export { solveIpk } from "./solve.js";
