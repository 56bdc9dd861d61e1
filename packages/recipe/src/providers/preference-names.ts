/** The configuration variables that the choice of providers and versions reads. */
import type { Datastore } from "@tsbake/datastore";

const PREFERENCE = /^(?:PREFERRED_(?:PROVIDER|RPROVIDER|VERSION)|REQUIRED_VERSION)(?:_|$|:pn-)/;

/** Whether a variable decides between providers or versions, so that the parse cache has to know it. */
export function isPreference(name: string): boolean {
  return PREFERENCE.test(name);
}

/** Those that are set, as they are read: with keys expanded, without override suffixes other than `:pn-…`. */
export function preferenceNames(d: Datastore): Set<string> {
  const names = new Set<string>();
  for (const key of d.keys()) {
    if (!PREFERENCE.test(key)) continue;
    const name = key.includes("${") ? d.expand(key) : key;
    names.add(name);
    const colon = name.indexOf(":");
    if (colon !== -1) names.add(name.slice(0, colon));
  }
  return names;
}
