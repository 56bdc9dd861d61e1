/** Errors of the operating system, told apart by `code`: `instanceof Error` fails across realms. */

/** Whether `error` is a system error with one of these codes, e.g. `hasCode(error, "ENOENT")`. */
export function hasCode(error: unknown, ...codes: string[]): boolean {
  const code = codeOf(error);
  return code !== undefined && codes.includes(code);
}

/** The `code` of a system error (`ENOENT`, `EACCES`, …), or undefined for anything else. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** The text of whatever was thrown. */
export function messageOf(error: unknown): string {
  if (typeof error === "object" && error !== null && "message" in error) return String(error.message);
  return String(error);
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: "this user may not",
  EDQUOT: "the quota of this user is used up",
  EEXIST: "something else has its name",
  EISDIR: "it is a folder",
  ELOOP: "it is a symbolic link to itself",
  ENOSPC: "there is no space left",
  ENOTDIR: "a file stands where a folder has to be",
  EPERM: "this user may not",
  EPIPE: "who read it has ended",
  EROFS: "the file system is read-only",
};

/** What a system error means to people; the error's own text for those that have no words here. */
export function reasonOf(error: unknown): string {
  return REASONS[codeOf(error) ?? ""] ?? messageOf(error);
}

/** What comes of `promise`, or undefined where a file or folder is not there. Any other error stays one. */
export function ifThere<T>(promise: Promise<T>): Promise<T | undefined> {
  return undefinedOn(promise, "ENOENT", "ENOTDIR");
}

/**
 * The same for what follows links that others have made: they may lead nowhere, round in a circle, or to where this user
 * may not go.
 */
export function ifReachable<T>(promise: Promise<T>): Promise<T | undefined> {
  return undefinedOn(promise, "ENOENT", "ENOTDIR", "ELOOP", "ENAMETOOLONG", "EACCES");
}

/** What comes of `promise`, or undefined for a system error with one of these codes, each of which means "none". */
export async function undefinedOn<T>(promise: Promise<T>, ...codes: string[]): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (hasCode(error, ...codes)) return undefined;
    throw error;
  }
}

/**
 * What comes of `promise`, or undefined for any system error: for cleaning up after an error, which is the one to report,
 * and for what is only a convenience. An error of our own code stays one.
 */
export async function ignoreSystemErrors<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return undefined;
  }
}
