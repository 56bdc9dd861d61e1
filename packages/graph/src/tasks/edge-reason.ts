/** Why a task needs another one: the statement of the metadata that says so. */

/** A flag that names recipe and task. */
export type NamingFlag = "depends" | "rdepends" | "mcdepends";

export type EdgeReason =
  | { readonly by: "addtask" }
  /** A flag of the task that needs (`task`, with `do_`). */
  | { readonly by: NamingFlag | "deptask" | "rdeptask" | "recrdeptask"; readonly task: string };

/** For messages and for the attribute `why` of an edge. */
export function reasonText(reason: EdgeReason): string {
  if (reason.by === "addtask") return "addtask";
  const flag = `${reason.task}[${reason.by}]`;
  if (reason.by === "deptask") return `${flag}, DEPENDS`;
  return reason.by === "rdeptask" ? `${flag}, RDEPENDS` : flag;
}
