/** What the kernel says of the namespaces that users may have. */
import { readFileSync } from "node:fs";
import type { NamespaceLimits } from "./problems.js";

export function namespaceLimits(): NamespaceLimits {
  const most = setting("user/max_user_namespaces");
  return {
    ...(most !== undefined && { most }),
    isSwitchedOff: setting("kernel/unprivileged_userns_clone") === 0,
    isRestricted: setting("kernel/apparmor_restrict_unprivileged_userns") === 1,
  };
}

/** Undefined where this kernel has no such setting. */
function setting(name: string): number | undefined {
  try {
    const value = Number(readFileSync(`/proc/sys/${name}`, "utf8"));
    return Number.isNaN(value) ? undefined : value;
  } catch {
    return undefined;
  }
}
