/** Packages that go from the tree of a base: whether they may, and what they leave behind. */
export { type Left, type LeftKind } from "./left.js";
export { leftBehind, type RemovalView } from "./left-behind.js";
export { mayStay } from "./may-stay.js";
export { explainUnsolvable, refuseChanges, refuseNames, type Wishes } from "./refuse.js";
