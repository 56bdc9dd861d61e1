/**
 * What ./tsbake starts: the compiled program, and a look at how it ended. The program sets an exit code, 0 too, when it is
 * through. One that a power cut left empty would do nothing and end with 0.
 */
import { readdirSync, rmSync, statSync } from "node:fs";

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

/**
 * The program in few files (scripts/bundle.js), unless the compiler has written something since: whoever calls it by hand gets
 * what it wrote. Tasks get their programs from the same place (packages/engine/src/settings/own-code.ts).
 */
function program() {
  const packages = new URL("../packages/", import.meta.url);
  const bundle = new URL("../node_modules/.tsbake-programs/cli.js", import.meta.url);
  const timeOf = (url) => statSync(url, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const made = timeOf(bundle);
  const isCurrent = readdirSync(packages).every(
    (name) => timeOf(new URL(`${name}/dist/.tsbuildinfo`, packages)) < made,
  );
  return made > 0 && isCurrent ? bundle : new URL("cli/dist/main.js", packages);
}

process.exitCode = NO_RESULT;
process.on("exit", (code) => {
  if (code === NO_RESULT) complain("the program ended without a result");
});
try {
  await import(program().href);
} catch (error) {
  const isDamaged = error instanceof SyntaxError || error?.code === "ERR_MODULE_NOT_FOUND";
  if (!isDamaged) throw error;
  process.exitCode = 1;
  complain(`the compiled program is damaged (${error.message})`);
}
