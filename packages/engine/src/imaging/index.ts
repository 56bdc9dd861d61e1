/** Imaging again: a layer with one recipe that makes images of a tree that is stored, and whether that tree is of the layers as they are. */
export { writeImagingLayer, type ImagingLayer } from "./layer.js";
export { findStoredTree } from "./stored-tree.js";
