/** Rules about variable names alone. */

/** Whether a name is spelt as before Yocto 3.4; BitBake refuses such names wherever they come from. */
export function isOldName(name: string): boolean {
  return (
    name.includes("_") && (name.includes("_append") || name.includes("_prepend") || name.includes("_remove"))
  );
}
