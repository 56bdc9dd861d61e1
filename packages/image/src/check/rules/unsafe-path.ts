/**
 * Lines of tmpfiles.d that systemd-tmpfiles refuses: a folder on the way that belongs to a user who is not root may be his own
 * or whatever he puts there, so nothing of another owner is made below it.
 *
 * @see systemd's src/basic/chase.c, "unsafe path transition"
 */
import { foldersAbove } from "@tsbake/archive";
import { finding, type CheckRule } from "./rule.js";

export const unsafePath: CheckRule = {
  codes: [
    {
      code: "unsafe-path",
      severity: "warning",
      meaning:
        "systemd-tmpfiles makes nothing for root in a folder that belongs to another user, and a line of tmpfiles.d wants that",
    },
  ],
  *find({ tmpfiles, base, extension }) {
    const lines = tmpfiles.flatMap((file) => file.lines.filter(({ makes }) => makes));
    const owners = new Map(
      lines.flatMap(({ type, path, user }) =>
        "dDvqQ".includes(type) ? [[path, nameOf(user)] as const] : [],
      ),
    );
    for (const { type, path, user, argument } of lines) {
      // A copy has the owner of what is copied.
      const source = type === "C" ? extension.tree.index.get(argument)?.uid : undefined;
      const owner = nameOf(user ?? (source === undefined ? undefined : String(source)));
      const unsafe = foldersAbove(path).find((folder) => {
        const above = owners.get(folder) ?? nameOf(String(base.index.get(folder)?.uid ?? 0));
        return above !== "root" && above !== owner;
      });
      if (unsafe === undefined) continue;
      yield finding(
        "unsafe-path",
        "warning",
        path,
        `systemd-tmpfiles will not make it: ${unsafe} belongs to ${owners.get(unsafe) ?? "another user"}, and it to ${owner}`,
        "whatever needs it has to do without, or the base has to bring it",
      );
    }
  },
};

function nameOf(user: string | undefined): string {
  return user === undefined || user === "0" ? "root" : user;
}
