/** Expansion is synchronous, the start of Python is not: what turns out to need it is tried again once it is there. */
import { needsPython } from "@tsbake/recipe";

/** @throws what `work` throws, the second time too */
export async function withPython<Result>(
  open: (() => Promise<void>) | undefined,
  work: () => Result | Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!open || !needsPython(error)) throw error;
    await open();
    return work();
  }
}
