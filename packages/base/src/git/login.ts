/**
 * Logins of git's servers: everybody can see the arguments of a process, and git hands a URL on to further ones. So git
 * gets URLs without their passwords, and asks for these a helper that has them from its environment.
 */

interface Login {
  readonly user: string;
  readonly password: string;
}

/** What `redact` writes. */
const HIDDEN = "***";

const URL_WITH_PASSWORD = /^(https?|ssh|git):\/\/([^/:@]*):([^/]*)@([^/]*)/;

/** What git has been called with so far, by `https://host:port`: a remote is named by its URL once, then by its name. */
const logins = new Map<string, Login>();

/** @returns the word without the password, which is kept for `loginEnvironment` */
export function withoutPassword(word: string): string {
  const [whole, scheme, user, password, host] = URL_WITH_PASSWORD.exec(word) ?? [];
  if (whole === undefined || scheme === undefined) return word;
  const place = `${scheme}://${host}`;
  const rest = word.slice(whole.length);
  // Not used over ssh, and taken out by us.
  if (!scheme.startsWith("http") || password === HIDDEN) return `${scheme}://${user}@${host}${rest}`;
  logins.set(place, { user: decoded(user ?? ""), password: decoded(password ?? "") });
  // With the user's name alone curl would try an empty password first.
  return `${place}${rest}`;
}

/** Only the host that a login is for is told it, also when a server redirects. */
export function loginEnvironment(): Record<string, string> {
  const settings: (readonly [string, string])[] = [];
  const environment: Record<string, string> = {};
  for (const [index, [place, { user, password }]] of [...logins].entries()) {
    const [name, secret] = [`TSBAKE_GIT_USER_${index}`, `TSBAKE_GIT_PASSWORD_${index}`];
    const answer = `printf 'username=%s\\npassword=%s\\n' "$${name}" "$${secret}"`;
    const key = `credential.${place}.helper`;
    // The empty one takes away those of the user's own settings.
    settings.push([key, ""], [key, `!f() { test "$1" != get || ${answer}; }; f`]);
    Object.assign(environment, { [name]: user, [secret]: password });
  }
  if (settings.length === 0) return {};
  for (const [index, [key, value]] of settings.entries()) {
    environment[`GIT_CONFIG_KEY_${index}`] = key;
    environment[`GIT_CONFIG_VALUE_${index}`] = value;
  }
  return { ...environment, GIT_CONFIG_COUNT: String(settings.length) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
