/** What maintainer scripts make for one device and no other: taken out of every tree, and made by each device. */
export { findPerDevice, scriptThatMakes, type FoundPerDevice } from "./find.js";
export { PER_DEVICE, type FirstBootUnit, type PerDevice } from "./table.js";
export { firstBootUnits, notMadeAgain, unitFiles, type UnitFiles } from "./units.js";
