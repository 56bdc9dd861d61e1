/**
 * Users and groups that maintainer scripts made in the merged view, and the sysusers.d lines that make them on the device.
 *
 * @see passwd(5), group(5), sysusers.d(5)
 */
import { BuildError, byText, hasCode, readTextIfThere } from "@tsbake/base";
import { list, size } from "@tsbake/base/data";
import { insideRoot } from "@tsbake/sandbox";
import * as v from "valibot";
import { baseFileRemoved } from "../../problems.js";

const User = v.object({
  name: v.string(),
  uid: size,
  gid: size,
  comment: v.string(),
  home: v.string(),
  shell: v.string(),
});
export type User = Readonly<v.InferOutput<typeof User>>;

const Group = v.object({ name: v.string(), gid: size });
export type Group = Readonly<v.InferOutput<typeof Group>>;

const Membership = v.object({ user: v.string(), group: v.string() });

/** What an installation has added; each list sorted. */
export const Accounts = v.object({
  users: list(User),
  groups: list(Group),
  memberships: list(Membership),
});
export type Accounts = Readonly<v.InferOutput<typeof Accounts>>;

/** Files that hold accounts: what is new in them travels as lines, never as a file. */
export const ACCOUNT_FILES: ReadonlySet<string> = new Set(
  ["passwd", "group", "shadow", "gshadow", "subuid", "subgid"].flatMap((name) => [
    `/etc/${name}`,
    `/etc/${name}-`,
  ]),
);

/**
 * @returns no accounts for a root that has none
 * @throws BuildError `image/base-file-removed` where something else than a file is there
 */
export async function readAccounts(root: string): Promise<Accounts> {
  const inside = insideRoot(root);
  const textOf = async (path: string): Promise<string> => {
    try {
      return (await readTextIfThere(await inside.follow(path))) ?? "";
    } catch (error) {
      if (hasCode(error, "NOT_PLAIN", "EISDIR")) throw new BuildError([baseFileRemoved([`/${path}`])]);
      throw error;
    }
  };
  return parseAccounts(await textOf("etc/passwd"), await textOf("etc/group"));
}

/** Lines that are none (`+::::::` of NIS, a half line) are left out. */
export function parseAccounts(passwd: string, group: string): Accounts {
  const users: User[] = [];
  const groups: Group[] = [];
  const memberships: { user: string; group: string }[] = [];
  for (const line of passwd.split("\n")) {
    const [name = "", , uid = "", gid = "", comment = "", home = "", shell = ""] = line.split(":");
    if (isName(name) && isId(uid) && isId(gid))
      users.push({ name, uid: Number(uid), gid: Number(gid), comment, home, shell });
  }
  for (const line of group.split("\n")) {
    const [name = "", , gid = "", members = ""] = line.split(":");
    if (!isName(name) || !isId(gid)) continue;
    groups.push({ name, gid: Number(gid) });
    for (const user of members.split(",").filter(isName)) memberships.push({ user, group: name });
  }
  return {
    users: users.sort((left, right) => byText(left.name, right.name)),
    groups: groups.sort((left, right) => byText(left.name, right.name)),
    memberships: memberships.sort(
      (left, right) => byText(left.user, right.user) || byText(left.group, right.group),
    ),
  };
}

/** As useradd(8) of Debian takes names, and no `:` or blank, which would end a field. */
function isName(text: string): boolean {
  return /^[A-Za-z0-9_.][A-Za-z0-9_.-]{0,31}\$?$/.test(text);
}

function isId(text: string): boolean {
  return /^\d{1,10}$/.test(text);
}

/** What `after` has and `before` has not, by name. */
export function newAccounts(before: Accounts, after: Accounts): Accounts {
  const [users, groups] = [namesOf(before.users), namesOf(before.groups)];
  const known = new Set(before.memberships.map(({ user, group }) => `${user} ${group}`));
  return {
    users: after.users.filter(({ name }) => !users.has(name)),
    groups: after.groups.filter(({ name }) => !groups.has(name)),
    memberships: after.memberships.filter(({ user, group }) => !known.has(`${user} ${group}`)),
  };
}

function namesOf(all: readonly { readonly name: string }[]): ReadonlySet<string> {
  return new Set(all.map(({ name }) => name));
}

/**
 * The sysusers.d file: groups before the users that are in them.
 *
 * @param isFixed whether files that ship carry the id, so that the device must give the same; else it may choose
 * @param isShipped whether a sysusers.d file of a package makes it, with an id of the device's choice
 */
export function sysusersText(
  { users, groups, memberships }: Accounts,
  isFixed: (kind: "user" | "group", id: number) => boolean,
  isShipped: (line: AccountLine) => boolean = () => false,
): string {
  const lines: string[] = [];
  const own = new Map(groups.map(({ name, gid }) => [gid, name]));
  for (const { name, gid } of groups) {
    // systemd-sysusers makes the group of a user's own name with the user.
    const user = users.find((one) => one.name === name && one.gid === gid);
    if (user && isFixed("user", user.uid) === isFixed("group", gid) && user.uid === gid) continue;
    if (!isFixed("group", gid) && isShipped({ kind: "group", name })) continue;
    lines.push(`g ${name} ${isFixed("group", gid) ? gid : "-"}`);
  }
  for (const { name, uid, gid, comment, home, shell } of users) {
    if (!isFixed("user", uid) && !isFixed("group", gid) && isShipped({ kind: "user", name })) continue;
    const group = own.get(gid);
    const id = isFixed("user", uid) ? String(uid) : "-";
    const primary = group === undefined ? `:${gid}` : group === name ? "" : `:${group}`;
    lines.push(`u ${name} ${id}${primary} ${quoted(comment)} ${home || "-"} ${shell || "-"}`);
  }
  for (const { user, group } of memberships) lines.push(`m ${user} ${group}`);
  return lines.map((line) => `${line}\n`).join("");
}

/** A field with blanks; `%` starts a specifier. */
function quoted(text: string): string {
  const plain = text.replace(/,+$/, "").replace(/%/g, "%%");
  return plain === "" ? "-" : `"${plain.replace(/["\\]/g, "\\$&")}"`;
}

/** An account that a line of sysusers.d(5) makes, not merely names. */
export interface AccountLine {
  readonly kind: "user" | "group";
  readonly name: string;
}
