/** What a command of the protocol is. */
import * as v from "valibot";
import type { Permission } from "../permissions.js";
import { InvokeError, type Client } from "../context.js";

export interface HashCommand {
  /** A read-only server has it not. */
  readonly writes: boolean;
  /** @returns the answer, as JSON has it @throws InvokeError */
  run(session: Client, request: unknown): Promise<unknown>;
}

/** One that turns a connection into a stream of questions, a line each. */
export interface Stream {
  readonly permissions: readonly Permission[];
  /** @returns a line for each @throws InvokeError */
  answer(session: Client, lines: readonly string[]): Promise<readonly string[]>;
}

interface CommandParts<Schema extends v.GenericSchema> {
  readonly schema: Schema;
  readonly permissions: readonly Permission[];
  readonly writes?: boolean;
  /** Whether the permissions of everybody count. Default: true. */
  readonly allowAnonymous?: boolean;
  /** Needs no permission of whoever asks about themselves: the name in the request, which is theirs by default. */
  readonly ofOneself?: (request: v.InferOutput<Schema>) => string | undefined;
  run(session: Client, request: v.InferOutput<Schema>): Promise<unknown>;
}

/** A command whose request is checked by its schema, and who asks by the permissions. */
export function command<Schema extends v.GenericSchema>(parts: CommandParts<Schema>): HashCommand {
  const { schema, permissions, writes = false, allowAnonymous = true, ofOneself } = parts;
  return {
    writes,
    async run(session, request) {
      const read = readRequest(schema, request);
      const username = session.user?.username;
      const isOneself = ofOneself && username !== undefined && (ofOneself(read) ?? username) === username;
      if (!isOneself) session.demand(permissions, allowAnonymous);
      return parts.run(session, read);
    },
  };
}

/** @throws InvokeError that names the first field that is not as it should be */
export function readRequest<Schema extends v.GenericSchema>(
  schema: Schema,
  request: unknown,
): v.InferOutput<Schema> {
  const read = v.safeParse(schema, request, { abortEarly: true });
  if (read.success) return read.output;
  const place = v.getDotPath(read.issues[0]);
  throw new InvokeError(`the request is not as it should be${place ? `: \`${place}\`` : ""}`);
}
