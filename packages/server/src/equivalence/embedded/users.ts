/** Users of the hash equivalence protocol, in the embedded database. */
import type Database from "libsql";
import type { UserRow } from "../database.js";
import { userOf } from "../rows.js";

export class Users {
  readonly #sql: Database.Database;

  constructor(sql: Database.Database) {
    this.#sql = sql;
  }

  all(): UserRow[] {
    return this.#sql.prepare("SELECT * FROM users ORDER BY username").all().map(userOf);
  }

  find(username: string): UserRow | undefined {
    const row = this.#sql.prepare("SELECT * FROM users WHERE username = ?").get(username);
    return row === undefined ? undefined : userOf(row);
  }

  add({ username, permissions, token }: UserRow): boolean {
    const insert = "INSERT INTO users (username, token, permissions) VALUES (?, ?, ?) ON CONFLICT DO NOTHING";
    return this.#sql.prepare(insert).run(username, token, permissions.join(" ")).changes > 0;
  }

  change(username: string, { permissions, token }: Partial<Pick<UserRow, "permissions" | "token">>): boolean {
    const update = `UPDATE users SET token = coalesce(?, token), permissions = coalesce(?, permissions) WHERE username = ?`;
    return this.#sql.prepare(update).run(token ?? null, permissions?.join(" ") ?? null, username).changes > 0;
  }

  remove(username: string): boolean {
    return this.#sql.prepare("DELETE FROM users WHERE username = ?").run(username).changes > 0;
  }
}
