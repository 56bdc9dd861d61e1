/** sysusers.d(5): the lines by which systemd-sysusers makes users and groups. */
import { list, size } from "@tsbake/base/data";
import * as v from "valibot";
import { lineFields } from "../../layer/tmpfiles.js";

/** One line. */
export const SysusersLine = v.object({
  /** The file that has it. */
  file: v.string(),
  /** `u`, `g` or `m`. */
  type: v.picklist(["u", "g", "m"]),
  /** Names that are users, or groups, afterwards. */
  users: list(v.string()),
  groups: list(v.string()),
  /** The id that the line fixes for its user and for its group; absent where the device chooses. */
  uid: v.exactOptional(size),
  gid: v.exactOptional(size),
});
export type SysusersLine = Readonly<v.InferOutput<typeof SysusersLine>>;

/** Lines that make something; what cannot be read, systemd ignores too. */
export function parseSysusers(text: string, file: string): SysusersLine[] {
  return text.split("\n").flatMap((line): SysusersLine[] => {
    if (/^\s*([#;]|$)/.test(line)) return [];
    const [type = "", name = "", id = "-"] = lineFields(line);
    if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(name)) return [];
    switch (type.replace(/!$/, "")) {
      case "u": {
        // UID, UID:GID, UID:GROUP, -:GROUP, or the path whose owner it is.
        const [, uid, group] = /^(\d+|-)(?::(.+))?$/.exec(id) ?? [];
        const gid = group === undefined ? uid : group;
        const isNamed = group !== undefined && !isNumber(group);
        return [
          {
            file,
            type: "u",
            users: [name],
            groups: group === undefined ? [name] : isNamed ? [group] : [],
            ...(isNumber(uid) ? { uid: Number(uid) } : {}),
            ...(isNumber(gid) ? { gid: Number(gid) } : {}),
          },
        ];
      }
      case "g":
        return [{ file, type: "g", users: [], groups: [name], ...(isNumber(id) ? { gid: Number(id) } : {}) }];
      case "m":
        // Both are made where they are not there.
        return [{ file, type: "m", users: [name], groups: id === "-" ? [] : [id] }];
      default:
        return [];
    }
  });
}

function isNumber(text: string | undefined): boolean {
  return text !== undefined && /^\d{1,10}$/.test(text);
}
