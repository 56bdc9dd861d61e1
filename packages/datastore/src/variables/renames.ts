/** Variables that BitBake itself renamed or removed; BB_RENAMED_VARIABLES adds to them. */

/** Old name to new name, or to a sentence that follows the old name. */
export const BUILTIN_RENAMES: ReadonlyMap<string, string> = new Map([
  ["BB_ENV_WHITELIST", "BB_ENV_PASSTHROUGH"],
  ["BB_ENV_EXTRAWHITE", "BB_ENV_PASSTHROUGH_ADDITIONS"],
  ["BB_HASHBASE_WHITELIST", "BB_BASEHASH_IGNORE_VARS"],
  ["BB_HASHCONFIG_WHITELIST", "BB_HASHCONFIG_IGNORE_VARS"],
  ["BB_HASHTASK_WHITELIST", "BB_TASKHASH_IGNORE_TASKS"],
  ["BB_SETSCENE_ENFORCE_WHITELIST", "BB_SETSCENE_ENFORCE_IGNORE_TASKS"],
  ["MULTI_PROVIDER_WHITELIST", "BB_MULTI_PROVIDER_ALLOWED"],
  ["BB_STAMP_WHITELIST", "has no effect any more"],
  ["BB_STAMP_POLICY", "has no effect any more"],
]);
