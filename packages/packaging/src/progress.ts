/** Progress of a program that says a line for each thing it has done. `3 of 45: …` is what the flag [progress] reads. */

/**
 * A listener for the program's output.
 *
 * @param total how many lines will come
 * @param verb what a line stands for, e.g. `unpacked`
 */
export function countLines(
  total: number,
  verb: string,
  onProgress: ((text: string) => void) | undefined,
): (text: string, stream: "stdout" | "stderr") => void {
  let done = 0;
  let rest = "";
  return (text, stream) => {
    if (stream !== "stdout" || !onProgress) return;
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      done = Math.min(done + 1, total);
      onProgress(`${done} of ${total}: ${verb} ${line}`);
    }
  };
}
