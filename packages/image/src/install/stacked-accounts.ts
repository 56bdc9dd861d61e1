/** Account files of a base with the accounts that scripts of a layer have made, by the ids that the layer's files carry. */
import type { Accounts } from "../layer/merged/accounts.js";

/** Files whose lines end in a list of members. */
const GROUP_FILES: readonly string[] = ["/etc/group", "/etc/gshadow"];

/**
 * The files that the base has, each with its lines and those of the layer.
 *
 * @param textOf content of a file of the base; empty where there is none
 * @see passwd(5), shadow(5), group(5), gshadow(5)
 */
export function accountFiles(
  textOf: (path: string) => string,
  accounts: Accounts | undefined,
): ReadonlyMap<string, string> {
  if (accounts === undefined) return new Map();
  const { users, groups, memberships } = accounts;
  const withMembers = (text: string): string =>
    memberships.reduce((changed, { user, group }) => withMember(changed, group, user), text);
  const lines: Readonly<Record<string, readonly string[]>> = {
    "/etc/passwd": users.map(({ name, uid, gid, comment, home, shell }) =>
      [name, "x", uid, gid, comment, home, shell].join(":"),
    ),
    "/etc/shadow": users.map(({ name }) => `${name}:!:::::::`),
    "/etc/group": groups.map(({ name, gid }) => `${name}:x:${gid}:`),
    "/etc/gshadow": groups.map(({ name }) => `${name}:!::`),
  };
  const files = new Map<string, string>();
  for (const [path, own] of Object.entries(lines)) {
    const before = textOf(path);
    if (before === "") continue;
    const text = before.replace(/\n*$/, "\n") + own.map((line) => `${line}\n`).join("");
    files.set(path, GROUP_FILES.includes(path) ? withMembers(text) : text);
  }
  return files;
}

/** The last field of a line of group and gshadow has the members. */
function withMember(text: string, group: string, user: string): string {
  return text
    .split("\n")
    .map((line) => {
      if (!line.startsWith(`${group}:`)) return line;
      const members = line.slice(line.lastIndexOf(":") + 1).split(",");
      if (members.includes(user)) return line;
      return members[0] === "" ? line + user : `${line},${user}`;
    })
    .join("\n");
}
