/** The field `Maintainer` of a package: `Name <address>`. */

export interface Maintainer {
  readonly name: string;
  readonly email?: string;
}

/** @see Debian Policy 5.6.2 */
export function maintainerOf(field: string): Maintainer {
  const [, name = "", email = ""] = /^([^<>]*)<([^<>\s]+@[^<>\s]+)>$/.exec(field.trim()) ?? [];
  if (email === "") return { name: field.trim() };
  return { name: name.trim() || email, ...(isAddress(email) && { email }) };
}

/** What JSON schemas take for an address (`idn-email`), and hardly less than Debian has. */
function isAddress(text: string): boolean {
  return /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$/.test(text);
}
