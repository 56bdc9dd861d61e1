/** Requests as clients send them. @see BitBake 2.19 lib/hashserv/client.py; a message is an object with the command as its only key */
import * as v from "valibot";

const LONGEST_TEXT = 1024;
/** `outhash_siginfo` is a whole listing of files. */
const LONGEST_LISTING = 15 << 20;

/** Whether a database can keep it as it is: well-formed Unicode without a NUL. */
export function isPlainText(text: string): boolean {
  return !text.includes("\0") && !/\p{Surrogate}/u.test(text);
}

const plain = v.check(isPlainText);
const text = v.pipe(v.string(), v.maxLength(LONGEST_TEXT), plain);
const note = v.nullish(text);
const task = { method: text, taskhash: text };

export const Get = v.object({ ...task, all: v.optional(v.boolean(), false) });
export const GetOuthash = v.object({ ...task, outhash: text, with_unihash: v.optional(v.boolean(), true) });
export const ReportRequest = v.object({
  ...task,
  outhash: text,
  unihash: v.unknown(),
  owner: note,
  PN: note,
  PV: note,
  PR: note,
  task: note,
  outhash_siginfo: v.nullish(v.pipe(v.string(), v.maxLength(LONGEST_LISTING), plain)),
});
export const ReportEquiv = v.object({ ...task, unihash: v.unknown() });
/** What is null in a condition does not count. */
const where = v.pipe(
  v.record(text, v.nullable(text)),
  v.transform((found) =>
    Object.fromEntries(
      Object.entries(found).flatMap(([name, value]) => (value === null ? [] : [[name, value]])),
    ),
  ),
);
export const Where = v.object({ where });
export const Mark = v.object({ mark: text, where });
export const Sweep = v.object({ mark: text });
export const CleanUnused = v.object({ max_age_seconds: v.pipe(v.number(), v.finite()) });
export const Auth = v.object({ username: text, token: text });
export const OneUser = v.object({ username: v.optional(text) });
export const UserPermissions = v.object({ username: text, permissions: v.array(text) });
export const Nothing = v.unknown();

/** The form that BitBake calls valid: whatever a client gets goes into its paths and shell commands. */
export function isUnihash(value: unknown): value is string {
  return typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
}
