/** Paths as scripts write them, compared with those that packages ship. */

/**
 * Whether a path is one that the pattern of a script names. Folders at the root that lead into /usr count as there.
 *
 * @param glob absolute; `*` and `?` stay in a folder, `**` goes through them, `[…]` is any one character
 * @param below what lies below such a path counts, too
 */
export function globMatcher(glob: string, below: boolean): (path: string) => boolean {
  const plain = glob
    .replace(/\/+/g, "/")
    .replace(/(.)\/$/, "$1")
    .replace(/^\/(bin|sbin|lib|lib32|lib64|libx32)\//, "/usr/$1/");
  if (!/[*?[]/.test(plain)) return (path) => path === plain || (below && path.startsWith(`${plain}/`));
  const source = plain.replace(/\*\*|\[[^\]]*\]|[*?]|[\\^$.|+()[\]{}]/g, (part) =>
    part === "**"
      ? ".*"
      : part === "*"
        ? "[^/]*"
        : part === "?"
          ? "[^/]"
          : part.length > 1
            ? "[^/]"
            : `\\${part}`,
  );
  const pattern = new RegExp(`^${source}${below ? "(?:/.*)?" : ""}$`, "s");
  return (path) => pattern.test(path);
}
