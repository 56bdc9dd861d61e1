/** Which folders mean what, for several rules. */

/** PATH of systemd's units and of logins, in its order. */
export const PATH_FOLDERS: readonly string[] = [
  "/usr/local/sbin",
  "/usr/local/bin",
  "/usr/sbin",
  "/usr/bin",
  "/sbin",
  "/bin",
];

/** Whether people and scripts call it by its name. */
export function isCommand(path: string): boolean {
  return PATH_FOLDERS.includes(path.slice(0, path.lastIndexOf("/")));
}
