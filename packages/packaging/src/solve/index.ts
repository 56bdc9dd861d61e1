/** Which packages an installation takes, told without a package manager: for formats whose own has no solver here. */
export { solvePackages } from "./solve.js";
