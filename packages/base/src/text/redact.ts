/** Passwords and tokens out of what others may see. URLs are found in texts of any kind, not parsed. */

/** A user without a password where a server asks for one is a token: `https://TOKEN@host/`, `git://TOKEN@host/x;protocol=https`. */
const TOKENS =
  /\b(https?|ftps?|wss?|davs?)(:\/\/)[^\s/:@?#;"']+@|(:\/\/)[^\s/:@?#;"']+(?=@[^\s"']*;protocol=https?\b)/gi;
/** What a server believes stands in parameters of such names: `?private_token=…`, `&X-Amz-Signature=…`, `?key=…`. */
const QUERIES =
  /([?&](?:[^\s=&;"'#?]*(?:token|secret|passw|signature|credential|auth|api[-_]?key|access[-_]?key)[^\s=&;"'#?]*|key|sig|pass|pwd)=)([^\s&;"'#]+)/gi;
const HEADERS = /\b(authorization:\s*(?:[a-z]+\s+)?|(?:private|job|deploy)-token:\s*)[^\s"']+/gi;

/**
 * A text that others may see: URLs in it keep the user's name and lose the password, which ends at the last `@` before the
 * path; tokens in their place, in the query and in headers go too. Whatever leaves a process or stays on the disk and is not
 * the configuration itself goes through here: messages, logs, scripts, records of signatures.
 *
 * @param digest what stands for a parameter of a query, which may be part of what is fetched; default: the same for all
 */
export function redact(text: string, digest: (secret: string) => string = () => "***"): string {
  let shown = text;
  if (text.includes("://"))
    shown = shown
      .replace(/(:\/\/[^\s/:@?#;"]*):[^\s/?#;"]*@/g, "$1:***@")
      .replace(TOKENS, (_, scheme?: string, slashes?: string, others?: string) =>
        scheme === undefined ? `${others}***` : `${scheme}${slashes}***@`,
      )
      .replace(
        QUERIES,
        (_, name: string, secret: string) => name + (secret === "***" ? secret : digest(secret)),
      );
  if (text.includes(";pswd=")) shown = shown.replace(/(;pswd=)[^\s;"]+/g, "$1***");
  if (/authorization:|-token:/i.test(text)) shown = shown.replace(HEADERS, "$1***");
  return shown;
}
