/** Users and groups that removed packages made: dpkg takes none away. */
import { scriptEffects, type SkippedScript } from "@tsbake/packaging";
import type { SysusersLine } from "../check/inspect/sysusers.js";
import type { Accounts } from "../layer/merged/accounts.js";
import type { Left } from "./left.js";

export interface AccountView {
  /** What is there after the removal. */
  readonly after: Pick<Accounts, "users" | "groups">;
  /** Lines of sysusers.d files of the base that are gone, with the package of each. */
  readonly lines: readonly (SysusersLine & { readonly package: string })[];
  /** Whether a package that is installed makes it, too. */
  readonly isMade: (kind: "user" | "group", name: string) => boolean;
}

const FILES = { user: "/etc/passwd", group: "/etc/group" } as const;

/** @param scripts of removed packages */
export function accountsLeft(scripts: readonly SkippedScript[], view: AccountView): Left[] {
  const makers = new Map<string, { readonly package: string; readonly how: string }>();
  for (const line of view.lines) {
    const how = `a line of ${line.file}`;
    for (const name of line.users) makers.set(`user ${name}`, { package: line.package, how });
    for (const name of line.groups) makers.set(`group ${name}`, { package: line.package, how });
  }
  for (const one of scripts)
    for (const effect of scriptEffects(one))
      if (/^(?:user|group) /.test(effect))
        makers.set(effect, { package: one.package, how: `its ${one.script}` });
  const there = [
    ...view.after.users.map(({ name, uid }) => ({ kind: "user" as const, name, id: uid })),
    ...view.after.groups.map(({ name, gid }) => ({ kind: "group" as const, name, id: gid })),
  ];
  return there.flatMap(({ kind, name, id }): Left[] => {
    const maker = makers.get(`${kind} ${name}`);
    if (maker === undefined || view.isMade(kind, name)) return [];
    const because = `${kind} ${name} (${id}), made by ${maker.how}; dpkg takes no accounts away`;
    return [
      {
        kind,
        subject: name,
        reported: { path: FILES[kind], decision: `left-${kind}`, because, package: maker.package },
      },
    ];
  });
}
