/** The powers of root that reach no further than files. */

/**
 * Words of capabilities(7), as setpriv(1) takes them, with their numbers: to own, change and run files, and to be any user. What
 * dpkg and scripts need. Guarded by unit/sandbox-doors.
 */
export const POWERS: Readonly<Record<string, number>> = {
  chown: 0,
  dac_override: 1,
  fowner: 3,
  fsetid: 4,
  kill: 5,
  mknod: 27,
  setfcap: 31,
  setgid: 6,
  setpcap: 8,
  setuid: 7,
  sys_chroot: 18,
  sys_nice: 23,
  sys_resource: 24,
};
