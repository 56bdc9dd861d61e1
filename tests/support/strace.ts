/** Whether what tasks read can be watched here. */
import { findProgram } from "@tsbake/sandbox";

/** Why not; undefined: it can. */
export const straceProblem: string | undefined =
  findProgram("strace") === undefined
    ? "there is no program `strace`"
    : process.getuid?.() === 0
      ? undefined
      : "only root can watch what tasks read";
