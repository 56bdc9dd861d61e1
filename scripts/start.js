/**
 * What ./tsbake starts: the compiled program, and a look at how it ended. The program sets an exit code, 0 too, when it is
 * through. One that a power cut left empty would do nothing and end with 0.
 */
import { rmSync } from "node:fs";

const NO_RESULT = 70;
const compiled = new URL("../node_modules/.tsbake-compiled", import.meta.url);

/** The next start compiles everything. */
function forget() {
  try {
    rmSync(compiled, { force: true });
  } catch {
    // Not our user's: the message says what to do.
  }
}

function complain(what) {
  forget();
  process.stderr.write(
    `tsbake: ${what}; start it again: it is compiled anew (where others own it, let its owner start it)\n`,
  );
}

// For the stack traces that -D shows; every other start would read all maps for nothing.
if (process.argv.slice(2).some((word) => /^(-[A-Za-z]*D|--deb)/.test(word)))
  process.setSourceMapsEnabled(true);

process.exitCode = NO_RESULT;
process.on("exit", (code) => {
  if (code === NO_RESULT) complain("the program ended without a result");
});
try {
  await import("../packages/cli/dist/main.js");
} catch (error) {
  const isDamaged = error instanceof SyntaxError || error?.code === "ERR_MODULE_NOT_FOUND";
  if (!isDamaged) throw error;
  process.exitCode = 1;
  complain(`the compiled program is damaged (${error.message})`);
}
