/** Every package format by its name. */
import { BuildError } from "@tsbake/base";
import type { Backend, PackageDatabase } from "./database/index.js";
import { openDebBackend } from "./deb/index.js";
import { openIpkBackend } from "./ipk/index.js";
import { noBackend } from "./problems.js";
import { openRpmBackend } from "./rpm/index.js";

/** A word of PACKAGE_CLASSES without `package_`. */
export type BackendName = PackageDatabase["backend"];

const OPENERS: Readonly<Record<BackendName, () => Backend>> = {
  deb: openDebBackend,
  ipk: openIpkBackend,
  rpm: openRpmBackend,
};

/** @throws BuildError `packaging/no-backend` for a word that is none */
export function openBackend(name: string): Backend {
  const open = Object.entries(OPENERS).find(([word]) => word === name)?.[1];
  if (open === undefined) throw new BuildError([noBackend(name, Object.keys(OPENERS))]);
  return open();
}
