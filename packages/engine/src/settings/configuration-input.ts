/** What the parse of a build folder is told beside its files: -r and -R, and the values that are asked for without a parse. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { OpenOptions } from "../build-types.js";
import { RUN_VARIABLES } from "./run-settings.js";

/** Configuration values that a no-change run needs without evaluating the configuration again. */
export const CACHED_CONFIGURATION: readonly string[] = [
  ...RUN_VARIABLES,
  "BB_DEFAULT_TASK",
  "BUNDLE_SIGN_KEY",
  "BUNDLE_TASKS",
  "BUNDLE_VALID_SIGS",
  "BUNDLE_VERIFY_SIG",
  "BB_HASHCHECK_FUNCTION",
  "BB_MULTI_PROVIDER_ALLOWED",
  "BB_SETSCENE_DEPVALID",
  "BB_SETSCENE_ENFORCE",
  "BB_SETSCENE_ENFORCE_IGNORE_TASKS",
  "BB_SIGNATURE_HANDLER",
  "BB_TASKHASH_IGNORE_TASKS",
  "BB_HASHSERVE",
  "BB_HASHSERVE_DB_DIR",
  "SIGGEN_EXCLUDERECIPES_ABISAFE",
  "SIGGEN_EXCLUDE_SAFE_RECIPE_DEPS",
  "SIGGEN_LOCKEDSIGS_SSTATE_EXISTS_CHECK",
  "SIGGEN_LOCKEDSIGS_TASKSIG_CHECK",
  "SIGGEN_LOCKEDSIGS_TYPES",
  "SIGGEN_UNLOCKED_RECIPES",
  "CACHE",
  "DEPLOY_DIR",
  "DISTRO",
  "DL_DIR",
  "DPKG_ARCH",
  "FEED_SOURCES",
  "GPG_BIN",
  "GPG_PATH",
  "HOSTTOOLS",
  "HOSTTOOLS_DIR",
  "HOSTTOOLS_NONFATAL",
  "IMAGE_TEMPLATE",
  "LAYERSERIES_CORENAMES",
  "MACHINE",
  "OVERLAY_DIR",
  "PACKAGE_CLASSES",
  "PKGDB_DIR",
  "SOURCE_DATE_EPOCH",
  "SSTATE_DIR",
  "SSTATE_HASHEQUIV_METHOD",
  "SSTATE_MIRRORS",
  "SSTATE_MIRROR_PUSH",
  "SSTATE_MIRROR_PUSH_TOKEN_FILE",
  "SSTATE_MIRROR_PUSH_WAIT",
  "TSBAKE_HTTP_MAX_SIZE",
  "TSBAKE_HTTP_MAX_TIME",
  "TSBAKE_HTTP_MIN_RATE",
  "SSTATE_SIG_KEY",
  "SSTATE_VALID_SIGS",
  "SSTATE_VERIFY_SIG",
  "STAMPS_DIR",
  "TARGET_ARCH",
  "TMPDIR",
  "TOPDIR",
];

/** -r and -R: a relative file counts from the current folder, or from the build folder, where BitBake looks. */
export function configurationFiles(
  names: readonly (string | undefined)[],
  { directory }: OpenOptions,
  topdir: string,
): string[] {
  return names
    .filter((name) => name !== undefined && name !== "")
    .map((name) => {
      const near = resolve(directory, name!);
      return existsSync(near) ? near : resolve(topdir, name!);
    });
}
