/** What was wrong, of work that must fail. */
import { BuildError } from "@tsbake/base";

/** The BuildError that `work` throws. @throws whatever else it throws; an error where it throws nothing */
export function problemOf(work: () => unknown): BuildError {
  try {
    work();
  } catch (error) {
    if (error instanceof BuildError) return error;
    throw error;
  }
  throw new Error("nothing was wrong");
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
