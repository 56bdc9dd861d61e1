/** Users and groups that files of the extension name or carry: whether the device will know them. */
import type { Context, KnownAccounts } from "../context.js";
import type { Finding } from "../finding.js";
import { entryAt, finding, type CheckRule } from "./rule.js";

/** Everybody's: nobody and nogroup of the kernel. */
const OVERFLOW = 65_534;

export const accounts: CheckRule = {
  codes: [
    {
      code: "account-conflict",
      severity: "either",
      meaning:
        "a sysusers.d file of the extension fixes an id that the base gives to somebody else, or a name that has another id in the base; an error where files of the extension carry the id",
    },
    {
      code: "missing-group",
      severity: "either",
      meaning:
        "a group is named that neither the base nor a sysusers.d file has; an error in units and tmpfiles.d lines, a warning where the line is passed over (D-Bus policies, rules of udev)",
    },
    {
      code: "missing-user",
      severity: "either",
      meaning:
        "a user is named that neither the base nor a sysusers.d file has; severity as with missing-group",
    },
    {
      code: "unknown-owner",
      // It works, and it may have been meant: a device can have accounts that the base has not.
      severity: "warning",
      meaning:
        "a path belongs to a number that no user or group of the base has, and no sysusers.d file fixes: whoever gets the number later owns it",
    },
  ],
  *find(context) {
    const { accounts: known } = context;
    if (known === undefined) return;
    yield* missingNames(context, known);
    if (context.extension.knowsOwners !== false) yield* unknownOwners(context, known);
    yield* conflicts(context);
  },
};

function* missingNames(context: Context, known: KnownAccounts): Iterable<Finding> {
  const told = new Set<string>();
  for (const { kind, name, by, word, isVital } of context.namedAccounts) {
    if (known[kind === "user" ? "users" : "groups"].has(name)) continue;
    const key = `${kind} ${name} ${by}`;
    if (told.has(key)) continue;
    told.add(key);
    yield finding(
      `missing-${kind}`,
      isVital ? "error" : "warning",
      entryAt(context, by),
      `${word} names the ${kind} ${name}, which neither ${context.base.name} nor a sysusers.d file has`,
      `let the package's scripts make it (SYSEXT_SCRIPTS = "merged"), or ship a file in /usr/lib/sysusers.d with a line for ${name}`,
    );
  }
}

function* unknownOwners(context: Context, known: KnownAccounts): Iterable<Finding> {
  for (const entry of context.extension.tree.entries()) {
    const { uid, gid } = entry;
    const unknown = [
      ...(known.uids.has(uid) || uid === OVERFLOW ? [] : [`user ${uid}`]),
      ...(known.gids.has(gid) || gid === OVERFLOW ? [] : [`group ${gid}`]),
    ];
    if (unknown.length > 0)
      yield finding(
        "unknown-owner",
        "warning",
        entry,
        `it belongs to ${unknown.join(" and ")}, and nobody on ${context.base.name} has that number: it will be of whoever gets it`,
        "have a sysusers.d file fix the number, or the build give the path to root",
      );
  }
}

function* conflicts({ base, sysusers, extension }: Context): Iterable<Finding> {
  const facts = base.inspected?.base;
  if (facts === undefined) return;
  const carried = { user: new Set<number>(), group: new Set<number>() };
  for (const { uid, gid } of extension.tree.entries()) {
    carried.user.add(uid);
    carried.group.add(gid);
  }
  for (const line of sysusers) {
    const fixed = [
      { kind: "user", name: line.users[0], id: line.uid, there: facts.users },
      { kind: "group", name: line.groups[0], id: line.gid, there: facts.groups },
    ] as const;
    for (const { kind, name, id, there } of fixed) {
      if (id === undefined || name === undefined) continue;
      const other = there.find((one) => one.id === id && one.name !== name);
      const before = there.find((one) => one.name === name && one.id !== id);
      if (other === undefined && before === undefined) continue;
      const isCarried = extension.knowsOwners !== false && carried[kind].has(id) && id !== 0;
      yield finding(
        "account-conflict",
        isCarried ? "error" : "warning",
        extension.tree.index.get(line.file) ?? line.file,
        other === undefined
          ? `it fixes ${kind} ${name} at ${id}, which has ${before?.id} in ${base.name}`
          : `it fixes ${kind} ${name} at ${id}, which is ${other.name} in ${base.name}`,
        "leave the number to the device (`-`), or take one that is free in the base",
      );
    }
  }
}
