/** Who is who: logging in, and users that the database has beside the token file. */
import { setTimeout as sleep } from "node:timers/promises";
import type * as v from "valibot";
import { Auth, Nothing, OneUser, UserPermissions } from "../messages.js";
import {
  hashUserToken,
  isUserToken,
  newUserToken,
  permissionsOf,
  readPermissions,
  shownPermissions,
  type Permission,
} from "../permissions.js";
import { InvokeError, type Client, type HashUser } from "../context.js";
import { command, type HashCommand } from "./command.js";

/** A wrong password costs so long. */
const WRONG_MS = 1000;
/** The user name with which a token of the token file can be used, whatever it is called. */
const ANY_TOKEN = "token";

const admin = { permissions: ["@user-admin"], allowAnonymous: false } as const;
/** About one user, which is the one who asks where none is named: everybody may ask of himself. */
const oneUser = {
  ...admin,
  schema: OneUser,
  ofOneself: ({ username }: v.InferOutput<typeof OneUser>) => username,
} as const;

export const userCommands: Readonly<Record<string, HashCommand>> = {
  auth: command({
    schema: Auth,
    permissions: [],
    async run(session, { username, token }) {
      const user = await login(session, username, token);
      session.user = user;
      return { result: true, ...shown(user) };
    },
  }),
  "refresh-token": command({
    ...oneUser,
    writes: true,
    async run(session, request) {
      const username = nameIn(session, request.username);
      const token = newUserToken();
      const isThere = await session.context.database.changeUser(username, { token: hashUserToken(token) });
      if (!isThere) throw noUser(username);
      return { username, token };
    },
  }),
  "set-user-perms": command({
    ...admin,
    schema: UserPermissions,
    writes: true,
    async run({ context }, { username, permissions: words }) {
      const permissions = permissionsIn(words);
      if (!(await context.database.changeUser(username, { permissions }))) throw noUser(username);
      return shown({ username, permissions });
    },
  }),
  "get-user": command({
    ...oneUser,
    async run(session, request) {
      const username = nameIn(session, request.username);
      const found = await session.context.database.user(username);
      if (found) return shown(found);
      return session.user?.username === username ? shown(session.user) : null;
    },
  }),
  "get-all-users": command({
    ...admin,
    schema: Nothing,
    run: async ({ context }) => ({ users: (await context.database.users()).map(shown) }),
  }),
  "new-user": command({
    ...admin,
    schema: UserPermissions,
    writes: true,
    async run({ context }, { username, permissions: words }) {
      const permissions = permissionsIn(words);
      const token = newUserToken();
      if (
        username === "" ||
        !(await context.database.addUser({ username, permissions, token: hashUserToken(token) }))
      )
        throw new InvokeError(`Cannot create new user '${username}'`);
      context.log.info("equivalence-new-user", { user: username, permissions });
      return { ...shown({ username, permissions }), token };
    },
  }),
  "delete-user": command({
    ...oneUser,
    writes: true,
    async run(session, request) {
      const username = nameIn(session, request.username);
      if (!(await session.context.database.removeUser(username))) throw noUser(username);
      return { username };
    },
  }),
  "become-user": command({
    ...admin,
    schema: OneUser,
    async run(session, request) {
      const username = nameIn(session, request.username);
      const found = await session.context.database.user(username);
      if (!found) throw noUser(username);
      session.user = found;
      return shown(found);
    },
  }),
};

/** @throws InvokeError, after a while */
async function login({ context, address }: Client, username: string, token: string): Promise<HashUser> {
  const { database, tokens, guesses, metrics, log } = context;
  if (guesses.waitSeconds(address) === 0) {
    const known = await database.user(username);
    if (known && isUserToken(token, known.token)) return known;
    const holder = await tokens.holder(token);
    if (holder && (username === holder.name || username === ANY_TOKEN))
      return { username: holder.name, permissions: permissionsOf(holder) };
    guesses.count(address);
  }
  metrics.add("refused_logins_total");
  log.warn("wrong-password", { client: address, user: username });
  await sleep(WRONG_MS);
  throw new InvokeError(`Unable to authenticate as ${username}`);
}

function nameIn({ user }: Client, username: string | undefined): string {
  const name = username ?? user?.username;
  if (name === undefined) throw new InvokeError("a user name is needed");
  return name;
}

function permissionsIn(words: readonly string[]): Permission[] {
  const read = readPermissions(words);
  if ("unknown" in read) throw new InvokeError(`Unknown permissions ${read.unknown.join(", ")}`);
  return read.permissions;
}

function noUser(username: string): InvokeError {
  return new InvokeError(`No user named '${username}' exists`);
}

function shown({ username, permissions }: HashUser): { username: string; permissions: string[] } {
  return { username, permissions: shownPermissions(permissions) };
}
