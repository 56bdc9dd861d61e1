/** @type {import("jest").Config} */
export default {
  rootDir: "..", // so that coverage reaches packages/
  roots: ["<rootDir>/tests/dist"], // compiled tests only: what is tested is what is shipped
  testMatch: ["**/*.test.js"],
  testEnvironment: "<rootDir>/tests/environment.js",
  transform: {},
  // A worker that has grown starts again: a fork copies its page tables, and costs 40 ms at 600 MB where it costs 10 anew.
  workerIdleMemoryLimit: "100MB",
  maxWorkers: "100%", // much of a test is waiting for the programs that it starts
  testSequencer: "<rootDir>/tests/sequencer.js",
  injectGlobals: false,
  testTimeout: 900_000, // see environment.js: a busy machine passes no limit
  globalSetup: "<rootDir>/tests/begin.js",
  globalTeardown: "<rootDir>/tests/end.js",
  reporters: ["default", "<rootDir>/tests/reporter.js"],
  collectCoverageFrom: ["<rootDir>/packages/*/dist/**/*.js"],
  coverageProvider: "v8",
};
