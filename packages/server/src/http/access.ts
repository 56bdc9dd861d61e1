/** Who asks, and whether that is allowed. */
import type { IncomingMessage } from "node:http";
import type { Holder, Scope } from "../tokens/index.js";
import { Refusal } from "./answers.js";
import type { Exchange, HttpContext } from "./context.js";

const CHALLENGE = { "www-authenticate": 'Bearer realm="tsbake-sstate", Basic realm="tsbake-sstate"' };

/** @returns whose token it is; undefined where none is needed and none was sent @throws Refusal 401, 403, 429 */
export async function demandScope(
  context: HttpContext,
  { request, address }: Exchange,
  scope: Scope,
): Promise<Holder | undefined> {
  // A token in a netrc goes along with every request; it is not looked at where it changes nothing.
  if (scope === "read" && isReadFree(context)) return undefined;
  const { tokens, guesses, metrics, log } = context;
  const wait = guesses.waitSeconds(address);
  if (wait > 0) throw new Refusal(429, "too many wrong tokens", { "retry-after": String(wait) });
  const token = tokenOf(request);
  if (token === undefined) throw new Refusal(401, "this takes a token", CHALLENGE);
  const holder = await tokens.holder(token);
  if (!holder) {
    guesses.count(address);
    metrics.add("refused_logins_total");
    log.warn("wrong-token", { client: address });
    throw new Refusal(401, "nobody has this token", CHALLENGE);
  }
  if (!holder.scopes.includes(scope)) throw new Refusal(403, `the token has not the scope ${scope}`);
  return holder;
}

/** Whether anybody may read, whatever they send. */
export function isReadFree({ isPrivate }: HttpContext): boolean {
  return !isPrivate;
}

/** `Bearer TOKEN`, or the password of `Basic`: BitBake and curl have the token in a netrc. @see RFC 6750, RFC 7617 */
function tokenOf(request: IncomingMessage): string | undefined {
  const [, scheme = "", value = ""] =
    /^(Bearer|Basic) +([\w.~+/-]+=*)$/i.exec(request.headers.authorization ?? "") ?? [];
  if (scheme.toLowerCase() === "bearer") return value;
  if (scheme.toLowerCase() !== "basic") return undefined;
  const login = Buffer.from(value, "base64").toString();
  const colon = login.indexOf(":");
  return colon < 0 ? undefined : login.slice(colon + 1);
}
