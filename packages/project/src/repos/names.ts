/** URLs and names of a project file are a stranger's: what git would take for something else is refused. */
import { GIT_PROTOCOLS } from "@tsbake/base";

/** Why git is not called with a URL; undefined: it may be. */
export function urlFault(url: string): string | undefined {
  // oxlint-disable-next-line no-control-regex -- that is what it is about
  if (/[\u0000-\u0020\u007f]/.test(url)) return "it has blanks or control characters";
  if (url === "" || url.startsWith("-")) return "git would take it for an option";
  if (/^[\w+.-]*::/.test(url)) return "it names a program (`…::`)";
  const protocol = /^([\w+.-]+):\/\//.exec(url)?.[1];
  if (protocol !== undefined) {
    if (!GIT_PROTOCOLS.includes(protocol)) return `\`${protocol}\` is none of ${GIT_PROTOCOLS.join(", ")}`;
    return /^[^/]*:\/\/([^/@]*@)?-/.test(url) ? "its host begins with `-`" : undefined;
  }
  if (/^(\/|\.{1,2}\/)/.test(url)) return undefined;
  // As ssh has it: user@host:path
  if (/^([\w.+-]+@)?[A-Za-z0-9][\w.-]*:[^:]/.test(url)) return undefined;
  return "it is neither a URL nor a path that begins with `/` or `./`";
}

/** Whether a repository of this URL is on this machine: BB_NO_NETWORK is not about it. */
export function isLocalUrl(url: string): boolean {
  return url.startsWith("/") || url.startsWith("file:///");
}

/** Whether a branch or tag has a name that git gives none. */
export function badReference(name: string): boolean {
  return (
    // oxlint-disable-next-line no-control-regex -- that is what it is about
    /[\u0000-\u0020\u007f~^:?*[\\]|\.\.|@\{|\/\/|\/\.|\.lock(\/|$)/.test(name) ||
    /^[-./]|[./]$|^@?$/.test(name)
  );
}

/** What a branch of a project file is called here: `refs/changes/1` may be asked for as well as `main`. */
export function trackingReference(branch: string): { readonly remote: string; readonly local: string } {
  const isWhole = branch.startsWith("refs/");
  const local = branch.replace(/^refs\/(heads\/)?/, "");
  return { remote: isWhole ? branch : `refs/heads/${branch}`, local: `refs/remotes/origin/${local}` };
}
