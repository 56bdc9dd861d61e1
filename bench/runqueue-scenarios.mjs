/**
 * What is asked of both engines on BitBake's run-queue layer (`lib/bb/tests/runqueue-tests`): commands one after the
 * other in one build folder, and what the layer's hash check is told to find. Names are those of BitBake's own tests.
 */

const NAMES = ["package", "package_qa", "packagedata", "package_write_ipk", "package_write_rpm"];

/** Every setscene task of a recipe, as SSTATEVALID wants it. */
function all(pn) {
  return [...NAMES, "populate_lic", "populate_sysroot"].map((name) => `${pn}:do_${name}`);
}

const MULTI = { BBMULTICONFIG: "mc-1 mc_2", BB_SIGNATURE_HANDLER: "basic" };
const FAILING = { ...MULTI, EXTRA_BBFILES: "${COREBASE}/recipes/fails-mc/*.bb" };
const EQUIVALENT = { BB_HASHSERVE: "auto", BB_SIGNATURE_HANDLER: "TestEquivHash" };
const FORCED = ["a1", "b1", "-c", "install", "-fn"];
const TAINTED = ["a1", "b1", "-c", "install", "-f", "-S", "none"];

/**
 * @typedef {object} Step
 * @property {string[]} args words of the command line
 * @property {string[]} [valid] SSTATEVALID: tasks whose setscene variant can be had
 * @property {string} [slow] SLOWTASKS
 * @property {string} [fails] the command must fail, and say this
 */
/** @type {Record<string, { steps: Step[], environment?: Record<string, string>, each?: true }>} */
export const SCENARIOS = {
  no_setscenevalid: { steps: [{ args: ["a1"] }] },
  single_setscenevalid: { steps: [{ args: ["a1"], valid: ["a1:do_package"] }] },
  intermediate_setscenevalid: {
    steps: [{ args: ["a1"], valid: ["a1:do_package", "a1:do_populate_sysroot"] }],
  },
  intermediate_notcovered: {
    steps: [{ args: ["a1"], valid: all("a1").filter((task) => task !== "a1:do_package") }],
  },
  all_setscenevalid: { steps: [{ args: ["a1"], valid: all("a1") }] },
  no_settasks: { steps: [{ args: ["a1", "-c", "patch"], valid: all("a1") }] },
  mix_covered_notcovered: {
    steps: [{ args: ["a1:do_patch", "a1:do_populate_sysroot"], valid: all("a1") }],
  },
  mixed_direct_tasks_setscene_tasks: { steps: [{ args: ["c1:do_patch", "a1"], valid: all("a1") }] },
  slow_setscene: { steps: [{ args: ["a1"], valid: ["a1:do_package"], slow: "a1:package_setscene" }] },
  setscene_ignore_tasks: {
    environment: {
      BB_SETSCENE_ENFORCE: "1",
      BB_SETSCENE_ENFORCE_IGNORE_TASKS: "a1:do_package_write_rpm a1:do_build",
    },
    steps: [{ args: ["a1"], valid: all("a1").filter((task) => !task.endsWith("_rpm")) }],
  },
  no_setscenevalid_harddeps: { steps: [{ args: ["d1"] }] },
  no_setscenevalid_withdeps: { steps: [{ args: ["b1"] }] },
  single_a1_setscenevalid_withdeps: { steps: [{ args: ["b1"], valid: ["a1:do_package"] }] },
  single_b1_setscenevalid_withdeps: { steps: [{ args: ["b1"], valid: ["b1:do_package"] }] },
  intermediate_setscenevalid_withdeps: {
    steps: [{ args: ["b1"], valid: ["a1:do_package", "a1:do_populate_sysroot", "b1:do_package"] }],
  },
  all_setscenevalid_withdeps: { steps: [{ args: ["b1"], valid: [...all("a1"), ...all("b1")] }] },
  multiconfig_setscene_optimise: {
    environment: MULTI,
    steps: [{ args: ["b1", "mc:mc-1:b1", "mc:mc_2:b1"] }],
  },
  multiconfig_bbmask: {
    environment: FAILING,
    steps: [{ args: ["mc:mc-1:fails-mc2", "mc:mc_2:fails-mc1"] }],
  },
  multiconfig_mcdepends: {
    environment: { ...FAILING, BB_SIGNATURE_HANDLER: "basichash" },
    steps: [
      { args: ["mc:mc-1:f1"] },
      { args: ["mc:mc-1:f1"] },
      { args: ["mc:mc_2:a1", "-c", "compile", "-f"] },
      { args: ["mc:mc-1:f1"] },
      { args: ["g1"], fails: "do_invalid" },
    ],
  },
  hashserv_single: {
    environment: EQUIVALENT,
    steps: [{ args: ["a1", "b1"] }, { args: ["a1", "-c", "install", "-f"] }, { args: ["a1", "b1"] }],
  },
  hashserv_double: {
    environment: EQUIVALENT,
    steps: [{ args: ["a1", "b1", "e1"] }, { args: FORCED }, { args: ["e1"] }],
  },
  hashserv_multiple_setscene: {
    environment: EQUIVALENT,
    each: true,
    steps: [
      { args: ["a1", "b1", "e1"] },
      { args: FORCED },
      { args: ["e1"], valid: ["e1:do_package"], slow: "a1:populate_sysroot b1:populate_sysroot" },
    ],
  },
};

/**
 * Further commands on the same layer that BitBake's own tests do not have: what runs again after -f, -C, with the
 * setscene options, and what is only planned.
 */
/** @type {typeof SCENARIOS} */
export const MORE = {
  no_setscene_option: { steps: [{ args: ["a1", "--no-setscene"], valid: all("a1") }] },
  skip_setscene_option: {
    steps: [
      { args: ["a1", "--setscene-only"], valid: ["a1:do_package"] },
      { args: ["a1", "--skip-setscene"], valid: all("a1") },
    ],
  },
  setscene_only_option: {
    steps: [{ args: ["b1", "--setscene-only"], valid: [...all("a1"), "b1:do_package"] }],
  },
  target_is_setscene: { steps: [{ args: ["a1:do_package"], valid: all("a1") }] },
  target_below_setscene: { steps: [{ args: ["a1:do_packagedata", "a1:do_package"], valid: all("a1") }] },
  only_needs: { steps: [{ args: ["a1:do_build-"], valid: ["a1:do_package"] }] },
  hard_dependency_restored: { steps: [{ args: ["d1"], valid: [...all("a1"), ...all("d1")] }] },
  hard_dependency_wanted: { steps: [{ args: ["d1"], valid: ["a1:do_populate_sysroot", "d1:do_package"] }] },
  hard_dependency_missing: { steps: [{ args: ["d1"], valid: ["d1:do_package"] }] },
  nothing_to_do: {
    environment: { BB_SIGNATURE_HANDLER: "basichash" },
    steps: [{ args: ["b1"] }, { args: ["b1"] }],
  },
  forced_target: {
    environment: { BB_SIGNATURE_HANDLER: "basichash" },
    steps: [{ args: ["a1"] }, { args: ["a1", "-c", "compile", "-f"] }, { args: ["a1"] }],
  },
  forced_setscene: {
    environment: { BB_SIGNATURE_HANDLER: "basichash" },
    steps: [{ args: ["a1", "-c", "package", "-f"], valid: all("a1") }],
  },
  cleared_stamp: {
    environment: { BB_SIGNATURE_HANDLER: "basichash" },
    steps: [{ args: ["a1"] }, { args: ["a1", "-C", "patch"] }],
  },
  everywhere: { steps: [{ args: ["b1", "--runall", "patch"] }] },
  only_named: { steps: [{ args: ["b1", "--runonly", "unpack"] }] },
  dry_run: { steps: [{ args: ["a1", "-n"], valid: ["a1:do_package"] }, { args: ["a1"] }] },
  enforced_and_missing: {
    environment: { BB_SETSCENE_ENFORCE: "1", BB_SETSCENE_ENFORCE_IGNORE_TASKS: "%:do_build" },
    steps: [{ args: ["a1"], valid: ["a1:do_package"], fails: "do_" }],
  },
  // As hashserv_double and hashserv_multiple_setscene, with a command that taints in both engines.
  hashserv_double_signatures: {
    environment: EQUIVALENT,
    steps: [{ args: ["a1", "b1", "e1"] }, { args: TAINTED }, { args: ["e1"] }],
  },
  hashserv_multiple_signatures: {
    environment: EQUIVALENT,
    each: true,
    steps: [
      { args: ["a1", "b1", "e1"] },
      { args: TAINTED },
      { args: ["e1"], valid: ["e1:do_package"], slow: "a1:populate_sysroot b1:populate_sysroot" },
    ],
  },
  unknown_target: { steps: [{ args: ["nowhere"], fails: "nowhere" }] },
};
