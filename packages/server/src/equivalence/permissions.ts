/** Permissions of the hash equivalence protocol, users' tokens among them. @see BitBake 2.19 lib/hashserv/server.py for their names */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { Holder } from "../tokens/index.js";

const PERMISSIONS = ["@all", "@db-admin", "@read", "@report", "@user-admin"] as const;
export type Permission = (typeof PERMISSIONS)[number];
/** Those that clients without a name may be given. */
const ANONYMOUS: readonly string[] = ["@db-admin", "@read", "@report"];
/** Stands for no permission in a list that must not be empty. */
const NONE = "@none";

/** Sorted and checked. @returns what is unknown instead, if anything is */
export function readPermissions(
  words: readonly string[],
): { permissions: Permission[] } | { unknown: string[] } {
  const wanted = new Set(words.filter((word) => word !== NONE));
  const known = PERMISSIONS.filter((one) => wanted.has(one));
  const unknown = [...wanted].filter((word) => !PERMISSIONS.some((one) => one === word)).sort();
  return unknown.length > 0 ? { unknown } : { permissions: known };
}

/** Whether all of the words can be given to everybody. */
export function mayBeAnonymous(words: readonly string[]): boolean {
  return words.every((word) => word === NONE || ANONYMOUS.includes(word));
}

/** Whether all that is needed is there; `@all` is everything. */
export function allows(has: readonly string[], needed: readonly Permission[]): boolean {
  return has.includes("@all") || needed.every((one) => has.includes(one));
}

/** As answers show them: who may everything has every permission. */
export function shownPermissions(permissions: readonly string[]): string[] {
  return permissions.includes("@all") ? [...PERMISSIONS] : [...permissions].sort();
}

/** A token of the token file gives these here. */
export function permissionsOf({ scopes }: Holder): Permission[] {
  return PERMISSIONS.filter(
    (one) =>
      one === "@read" ||
      (one === "@report" && scopes.includes("push")) ||
      (one === "@db-admin" && scopes.includes("prune")),
  );
}

/** 64 characters of 384 random bits. */
export function newUserToken(): string {
  return randomBytes(48).toString("base64").replaceAll("+", ".").replaceAll("/", "_");
}

/** `sha256:SALT:DIGEST`. */
export function hashUserToken(token: string, salt = randomBytes(16).toString("hex")): string {
  return `sha256:${salt}:${createHash("sha256").update(salt).update(token).digest("hex")}`;
}

/** Takes as long for a wrong one as for the right one. */
export function isUserToken(token: string, hashed: string): boolean {
  const [, salt = ""] = hashed.split(":");
  const [actual, expected] = [hashUserToken(token, salt), hashed].map((text) =>
    createHash("sha256").update(text).digest(),
  );
  return timingSafeEqual(actual!, expected!);
}
