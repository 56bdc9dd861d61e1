/**
 * Fields of a Debian package as opkg reads them. Both write stanzas; opkg knows no `Breaks` and no qualifier of an architecture
 * (`python3:any`), and takes any word behind a name for a part of it.
 */
import { RELATION_FIELDS, type Stanza } from "../deb/stanza.js";

/** What is broken by a package cannot be there beside it: in one set of packages that is what a conflict says. */
export function ipkFields(stanza: Stanza): Map<string, string> {
  const fields = new Map(stanza);
  const breaks = fields.get("Breaks");
  if (breaks !== undefined) {
    const conflicts = fields.get("Conflicts");
    const both = conflicts === undefined ? breaks : `${conflicts}, ${breaks}`;
    // Where the first of both stood: fields keep their order.
    return ipkFields(
      new Map(
        [...fields].flatMap(([name, value]): [string, string][] => {
          if (name === "Conflicts") return [[name, both]];
          if (name !== "Breaks") return [[name, value]];
          return conflicts === undefined ? [["Conflicts", both]] : [];
        }),
      ),
    );
  }
  for (const name of RELATION_FIELDS) {
    const value = fields.get(name);
    if (value !== undefined) fields.set(name, value.replace(/(?<=[a-z0-9+.-]):[a-z0-9-]+(?=[\s,|(]|$)/g, ""));
  }
  return fields;
}
