/** SSTATE_DIR and SSTATE_MIRRORS as one store, with the signatures that the configuration asks for. */
import { words } from "@tsbake/base";
import type { ParsedProject } from "@tsbake/recipe";
import { chainStores, openFolderStore, openMirrors, openSigner } from "@tsbake/sstate";
import type { ArtifactSigner, Store } from "@tsbake/sstate";
import type { EngineEvent } from "../events.js";
import { checkLocked, type LockedSignatures } from "../signing/locked-signatures.js";
import { storeWarning } from "../problems.js";

type Configured = Pick<ParsedProject, "configurationText" | "prepare">;

/**
 * @param locked what is locked must be there
 * @throws BuildError `sstate/bad-mirrors`, `sstate/missing-gpg`, `sstate/cannot-sign`
 */
export async function openStore(
  project: Configured,
  onEvent: (event: EngineEvent) => void,
  locked?: LockedSignatures,
): Promise<Store> {
  const signer = await signerOf(project);
  const options = {
    onWarning: (message: string) => onEvent({ type: "engine-warning", diagnostic: storeWarning(message) }),
    onNote: (text: string) => onEvent({ type: "step", text }),
    ...(signer && { signer }),
  };
  const folder = openFolderStore(project.configurationText("SSTATE_DIR") ?? "", options);
  const mirrors = project.configurationText("SSTATE_MIRRORS") ?? "";
  const store = mirrors.trim() === "" ? folder : chainStores(folder, openMirrors(mirrors, options));
  if (!locked) return store;
  return checkLocked(store, locked, (diagnostic) => onEvent({ type: "engine-warning", diagnostic }));
}

/**
 * Undefined unless SSTATE_VERIFY_SIG is set: without it none are made either.
 *
 * @see OE-core meta/classes-global/sstate.bbclass, sstate_installpkg and sstate_create_and_sign_package
 * @throws BuildError `sstate/missing-gpg`, `sstate/cannot-sign`
 */
export async function signerOf(project: Configured): Promise<ArtifactSigner | undefined> {
  const text = (name: string) => project.configurationText(name)?.trim() ?? "";
  if (!/^(?:y|yes|1|true|t)$/i.test(text("SSTATE_VERIFY_SIG"))) return undefined;
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
