/** SSTATE_DIR and SSTATE_MIRRORS as one store, with the signatures that the configuration asks for. */
import { join } from "node:path";
import { BuildError, toBoolean, words } from "@tsbake/base";
import type { ParsedProject } from "@tsbake/recipe";
import {
  chainStores,
  INCOMING,
  noFolder,
  openFolderStore,
  openMirrors,
  openSigner,
  readThrough,
} from "@tsbake/sstate";
import type { ArtifactSigner, Store, StoreOptions } from "@tsbake/sstate";
import type { EngineEvent } from "../events.js";
import { checkLocked, type LockedSignatures } from "../signing/locked-signatures.js";
import { storeWarning } from "../problems.js";
import type { Traffic } from "./traffic.js";

type Configured = Pick<ParsedProject, "configurationText" | "prepare">;

export interface OpenStoreOptions {
  readonly onEvent: (event: EngineEvent) => void;
  /** What is locked must be there. */
  readonly locked?: LockedSignatures | undefined;
  /** Ends what is being fetched from a mirror. */
  readonly signal?: AbortSignal | undefined;
  /** Counts what comes from mirrors. */
  readonly traffic?: Traffic;
}

/**
 * @throws BuildError `sstate/bad-mirrors`, `sstate/missing-gpg`, `sstate/cannot-sign`
 */
export async function openStore(
  project: Configured,
  { onEvent, locked, signal, traffic }: OpenStoreOptions,
): Promise<Store> {
  const signer = await signerOf(project);
  const options = {
    onWarning: (message: string) => onEvent({ type: "engine-warning", diagnostic: storeWarning(message) }),
    onNote: (text: string) => onEvent({ type: "step", text }),
    ...(signer && { signer }),
    ...(signal && { signal }),
    ...limitsOf(project),
  };
  const folder = storeFolder(project);
  // On the same disk as the store, which takes what has come whole; and there the next run finds the start of the rest.
  const downloads = folder === undefined ? {} : { downloads: join(folder, INCOMING) };
  const near = folder === undefined ? undefined : openFolderStore(folder, options);
  const text = project.configurationText("SSTATE_MIRRORS") ?? "";
  const mirrors = (text.trim() === "" ? [] : openMirrors(text, { ...options, ...downloads })).map(
    (mirror) => traffic?.ofMirror(mirror) ?? mirror,
  );
  const store = near ? (mirrors.length > 0 ? chainStores(near, mirrors) : near) : readThrough(mirrors);
  if (!locked) return store;
  return checkLocked(store, locked, (diagnostic) => onEvent({ type: "engine-warning", diagnostic }));
}

type Limits = Pick<StoreOptions, "minRate" | "maxBytes" | "maxMs">;

/** Numbers, which the settings were checked for; `0` is no limit. */
function limitsOf(project: Pick<Configured, "configurationText">): Limits {
  const read = (name: string): number | undefined => {
    const text = project.configurationText(name)?.trim() ?? "";
    return text === "" ? undefined : Number(text);
  };
  const minRate = read("TSBAKE_HTTP_MIN_RATE");
  const maxBytes = read("TSBAKE_HTTP_MAX_SIZE");
  const seconds = read("TSBAKE_HTTP_MAX_TIME");
  return {
    ...(minRate !== undefined && { minRate }),
    ...(maxBytes !== undefined && { maxBytes: maxBytes || Infinity }),
    ...(seconds !== undefined && { maxMs: seconds === 0 ? Infinity : seconds * 1000 }),
  };
}

/** SSTATE_DIR; undefined where the configuration names none, which is not the current folder. */
function storeFolder(project: Pick<Configured, "configurationText">): string | undefined {
  return project.configurationText("SSTATE_DIR")?.trim() || undefined;
}

/** @throws BuildError `sstate/no-folder` */
export function neededStoreFolder(project: Pick<Configured, "configurationText">): string {
  const folder = storeFolder(project);
  if (folder === undefined) throw new BuildError([noFolder()]);
  return folder;
}

/**
 * Undefined unless SSTATE_VERIFY_SIG is set: without it none are made either.
 *
 * @see OE-core meta/classes-global/sstate.bbclass, sstate_installpkg and sstate_create_and_sign_package
 * @throws BuildError `sstate/missing-gpg`, `sstate/cannot-sign`
 */
export async function signerOf(project: Configured): Promise<ArtifactSigner | undefined> {
  const text = (name: string) => project.configurationText(name)?.trim() ?? "";
  if (!toBoolean(text("SSTATE_VERIFY_SIG"))) return undefined;
  const key = text("SSTATE_SIG_KEY");
  // The only one that is not kept in the parse cache.
  if (key !== "") await project.prepare();
  return openSigner({
    key,
    passphrase: key === "" ? "" : (project.configurationText("SSTATE_SIG_PASSPHRASE") ?? ""),
    trusted: words(text("SSTATE_VALID_SIGS")),
    program: text("GPG_BIN") || "gpg",
    home: text("GPG_PATH"),
  });
}
