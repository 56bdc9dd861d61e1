/** @type {import("jest").Config} */
export default {
  rootDir: "..", // so that coverage reaches packages/
  roots: ["<rootDir>/tests/dist"], // compiled tests only: what is tested is what is shipped
  testMatch: ["**/*.test.js"],
  testEnvironment: "node",
  transform: {},
  injectGlobals: false,
  testTimeout: 60_000,
  globalSetup: "<rootDir>/tests/begin.js",
  globalTeardown: "<rootDir>/tests/end.js",
  reporters: ["default", "<rootDir>/tests/reporter.js"],
  collectCoverageFrom: ["<rootDir>/packages/*/dist/**/*.js"],
  coverageProvider: "v8",
};
