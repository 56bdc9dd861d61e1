/** `tsbake lock`: pins the repositories of the project file. */
import { lockRepositories } from "@tsbake/engine";
import type { LockedRepository } from "@tsbake/project";
import type { Answer, SessionCommand } from "./command.js";

/** Needs the project file and its repositories, and nothing of what is in them. */
export const lock: SessionCommand = {
  async answerAlone({ request, options }): Promise<Answer> {
    const repositories = await lockRepositories(options, request.updates);
    const lines = repositories.map((one) => `${lineOf(one)}\n`);
    const nothing = "nothing to lock: each repository has its commit\n";
    return { text: lines.join("") || nothing, data: { format: 1, repositories } };
  },
};

function lineOf({ id, commit, was, file, isExternal }: LockedRepository): string {
  if (isExternal) return `${id}: ${commit}, by ${file} of another repository; it stays`;
  if (was === commit) return `${id}: ${commit}, as before`;
  return `${id}: ${commit}${was === undefined ? "" : ` (was ${was})`}, in ${file}`;
}
