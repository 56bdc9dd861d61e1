/**
 * dpkg-statoverride's file while dpkg of this machine works on a root: it looks for names of users outside of the root, and ends where
 * there are none. By number it finds them, and scripts inside see their lines and can take them away.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readTextIfThere } from "@tsbake/base";
import { insideRoot } from "@tsbake/sandbox";
import { DPKG_FOLDER } from "./database.js";

export interface Overrides {
  /** With numbers for names, of users and groups that the root has. */
  toNumbers(): Promise<void>;
  /** As they were, but for what was added or taken away meanwhile. */
  toNames(): Promise<void>;
}

/** @param root where this process finds it. @see dpkg-statoverride(1) */
export function openOverrides(root: string): Overrides {
  const path = join(root, DPKG_FOLDER, "statoverride");
  /** By the line with numbers. */
  const named = new Map<string, string>();
  /** Of users that the root has not: nobody could use them. */
  const aside = new Set<string>();
  const rewrite = async (change: (lines: readonly string[]) => readonly string[]): Promise<void> => {
    const before = (await readTextIfThere(path)) ?? "";
    const lines = change(before.split("\n").filter((line) => line !== ""));
    const after = [...new Set(lines)].map((line) => `${line}\n`).join("");
    if (after !== before) await writeFile(path, after);
  };
  return {
    async toNumbers() {
      const [users, groups] = [await idsIn(root, "etc/passwd"), await idsIn(root, "etc/group")];
      await rewrite((lines) =>
        lines.flatMap((line) => {
          const [user = "", group = "", ...rest] = line.split(" ");
          const ids = [numberOf(users, user), numberOf(groups, group)];
          const numbered = [...ids, ...rest].join(" ");
          if (ids.includes(undefined)) aside.add(line);
          else if (!named.has(numbered)) named.set(numbered, line);
          return ids.includes(undefined) ? [] : [numbered];
        }),
      );
    },
    toNames: () => rewrite((lines) => [...lines.map((line) => named.get(line) ?? line), ...aside]),
  };
}

function numberOf(ids: ReadonlyMap<string, string>, name: string): string | undefined {
  if (name.startsWith("#")) return name;
  // Also where the root has no such line yet, and dpkg's own surroundings have none at all.
  if (name === "root") return "#0";
  return ids.has(name) ? `#${ids.get(name)}` : undefined;
}

/** By name, the number of passwd(5) or group(5): both have it third. */
async function idsIn(root: string, path: string): Promise<ReadonlyMap<string, string>> {
  const text = (await readTextIfThere(await insideRoot(root).follow(path))) ?? "";
  return new Map(
    text.split("\n").flatMap((line) => {
      const [name = "", , id = ""] = line.split(":");
      return /^\d{1,10}$/.test(id) ? [[name, id] as const] : [];
    }),
  );
}
