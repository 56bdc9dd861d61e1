/**
 * Ids of accounts that come with an extension, by their names: adduser takes the first free number, which another extension on
 * the same base gives to another account. Two extensions with files of one account have to agree on its id, and those with files
 * of two accounts must not.
 */
import { byText, sha256 } from "@tsbake/base";
import type { Accounts } from "./accounts.js";

/** Where adduser(8) and systemd-sysusers(8) choose numbers for system accounts; below and above, Debian gives them to names. */
const CHOSEN = { first: 100, last: 999 };
/** Where ours lie: adduser counts up from 100, and systemd-sysusers down from 999. */
const OURS = { first: 300, count: 600 };

export interface StableIds {
  readonly accounts: Accounts;
  /** What becomes of an id that an entry carries. */
  readonly user: (id: number) => number;
  readonly group: (id: number) => number;
}

/**
 * @param made accounts that an installation has added
 * @param before all that the base has
 */
export function stableIds(made: Accounts, before: Accounts): StableIds {
  const taken = new Set([...before.users.map(({ uid }) => uid), ...before.groups.map(({ gid }) => gid)]);
  const names = new Set([...made.users, ...made.groups].map(({ name }) => name));
  const ids = new Map<string, number>();
  for (const name of [...names].sort(byText)) {
    let id = idOf(name);
    while (taken.has(id)) id = OURS.first + ((id - OURS.first + 1) % OURS.count);
    taken.add(id);
    ids.set(name, id);
  }
  const isChosen = (id: number): boolean => id >= CHOSEN.first && id <= CHOSEN.last;
  const users = new Map(
    made.users.flatMap(({ name, uid }) => (isChosen(uid) ? [[uid, ids.get(name) ?? uid] as const] : [])),
  );
  const groups = new Map(
    made.groups.flatMap(({ name, gid }) => (isChosen(gid) ? [[gid, ids.get(name) ?? gid] as const] : [])),
  );
  const user = (id: number): number => users.get(id) ?? id;
  const group = (id: number): number => groups.get(id) ?? id;
  return {
    accounts: {
      users: made.users.map((one) => ({ ...one, uid: user(one.uid), gid: group(one.gid) })),
      groups: made.groups.map((one) => ({ ...one, gid: group(one.gid) })),
      memberships: made.memberships,
    },
    user,
    group,
  };
}

function idOf(name: string): number {
  return OURS.first + (Number.parseInt(sha256(name).slice(0, 8), 16) % OURS.count);
}
