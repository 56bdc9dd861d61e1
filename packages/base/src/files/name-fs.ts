/**
 * node:fs for paths as `nameOf` gives them: names that are no UTF-8 come in, go out, and stand in text files unchanged. For all
 * other names the same as node:fs.
 */
import * as fs from "node:fs";
import { fsPath, nameBytes, nameOf, readFolderSync } from "../text/names.js";

function readFileSync(path: string): Buffer;
function readFileSync(path: string, encoding: "utf8"): string;
function readFileSync(path: string, encoding?: "utf8"): Buffer | string {
  const bytes = fs.readFileSync(fsPath(path));
  return encoding === undefined ? bytes : nameOf(bytes);
}

function readdirSync(path: string): string[];
function readdirSync(path: string, options: { readonly withFileTypes: true }): fs.Dirent[];
function readdirSync(path: string, options?: { readonly withFileTypes: true }): string[] | fs.Dirent[] {
  const entries = readFolderSync(path);
  return options ? entries : entries.map(({ name }) => name);
}

interface IfThere {
  readonly throwIfNoEntry: false;
}

function lstatSync(path: string): fs.Stats;
function lstatSync(path: string, options: IfThere): fs.Stats | undefined;
function lstatSync(path: string, options?: IfThere): fs.Stats | undefined {
  return options ? fs.lstatSync(fsPath(path), options) : fs.lstatSync(fsPath(path));
}

function statSync(path: string): fs.Stats;
function statSync(path: string, options: IfThere): fs.Stats | undefined;
function statSync(path: string, options?: IfThere): fs.Stats | undefined {
  return options ? fs.statSync(fsPath(path), options) : fs.statSync(fsPath(path));
}

export const nameFs = {
  constants: fs.constants,
  readFileSync,
  readdirSync,
  lstatSync,
  statSync,
  appendFileSync: (path: string, text: string): void => fs.appendFileSync(fsPath(path), nameBytes(text)),
  chmodSync: (path: string, mode: number): void => fs.chmodSync(fsPath(path), mode),
  copyFileSync: (from: string, to: string, mode?: number): void =>
    fs.copyFileSync(fsPath(from), fsPath(to), mode),
  linkSync: (from: string, to: string): void => fs.linkSync(fsPath(from), fsPath(to)),
  readlinkSync: (path: string): string => nameOf(fs.readlinkSync(fsPath(path), "buffer")),
  renameSync: (from: string, to: string): void => fs.renameSync(fsPath(from), fsPath(to)),
  rmSync: (path: string, options?: fs.RmOptions): void => fs.rmSync(fsPath(path), options),
  rmdirSync: (path: string): void => fs.rmdirSync(fsPath(path)),
  symlinkSync: (target: string, path: string): void => fs.symlinkSync(fsPath(target), fsPath(path)),
  utimesSync: (path: string, atime: Date, mtime: Date): void => fs.utimesSync(fsPath(path), atime, mtime),
  writeFileSync: (path: string, text: string): void => fs.writeFileSync(fsPath(path), nameBytes(text)),
} as const;
