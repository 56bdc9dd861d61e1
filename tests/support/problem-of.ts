/** What was wrong, of work that must fail. */
import { BuildError } from "@tsbake/base";

/** What `work` throws, where that is of this kind. @throws whatever else it throws; an error where it throws nothing */
export function thrownBy<Kind>(work: () => unknown, kind: new (...args: never[]) => Kind): Kind {
  let thrown: unknown = new Error("nothing was wrong");
  try {
    work();
  } catch (error) {
    thrown = error;
  }
  if (thrown instanceof kind) return thrown;
  throw thrown;
}

/** The BuildError that `work` throws. */
export function problemOf(work: () => unknown): BuildError {
  return thrownBy(work, BuildError);
}

/** The same of a promise. */
export async function rejectionOf(work: Promise<unknown>): Promise<BuildError> {
  const error: unknown = await work.then(
    () => new Error("nothing was wrong"),
    (reason: unknown) => reason,
  );
  if (error instanceof BuildError) return error;
  throw error;
}
