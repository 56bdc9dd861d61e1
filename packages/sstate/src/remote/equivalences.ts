/** Hash equivalences of a server, with the file of this machine behind them: a build goes on when the server is gone. */
import { codeOf, messageOf, redact } from "@tsbake/base";
import type { Equivalences, OutputReport } from "../equivalence.js";
import { HashClient, type HashClientOptions, type TaskHashKey } from "./hash-client.js";
import { HashServerError } from "./hash-connection.js";

export interface RemoteOptions extends HashClientOptions {
  /** BB_HASHSERVE, for messages. */
  readonly name: string;
  readonly onWarning: (message: string) => void;
}

export class RemoteEquivalences implements Equivalences {
  readonly #near: Equivalences;
  readonly #options: RemoteOptions;
  readonly #client: HashClient;
  /** By task hash: what the server has said, `undefined` where it knows none. */
  readonly #known = new Map<string, string | undefined>();
  #isDown = false;

  constructor(near: Equivalences, options: RemoteOptions) {
    this.#near = near;
    this.#options = options;
    this.#client = new HashClient(options);
  }

  unihash(taskHash: string): string | undefined {
    return this.#known.get(taskHash) ?? this.#near.unihash(taskHash);
  }

  /** Asks for those that were not asked for before. @returns whether it has learned a unihash that is not the hash itself */
  async learn(keys: readonly TaskHashKey[]): Promise<boolean> {
    const asked = keys.filter(({ taskhash }) => !this.#known.has(taskhash));
    if (asked.length === 0) return false;
    const answers = await this.#guard(() => this.#client.unihashes(asked));
    if (!answers) return false;
    let isNews = false;
    asked.forEach(({ taskhash }, at) => {
      const answer = answers[at];
      this.#known.set(taskhash, answer);
      isNews ||= answer !== undefined && answer !== taskhash;
    });
    return isNews;
  }

  async report(report: OutputReport): Promise<string> {
    const { taskHash: taskhash, unihash, task, method, output } = report;
    const answer = await this.#guard(() =>
      this.#client.report({ method, taskhash, outhash: output, unihash, task }),
    );
    // The file learns what the server says, and is asked where it says nothing.
    const near = await this.#near.report(answer === undefined ? report : { ...report, unihash: answer });
    if (answer !== undefined) this.#known.set(taskhash, answer);
    return answer ?? near;
  }

  close(): void {
    this.#client.close();
  }

  async #guard<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
    if (this.#isDown) return undefined;
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof HashServerError) && codeOf(error) === undefined) throw error;
      this.#isDown = true;
      this.#client.close();
      const { name, onWarning } = this.#options;
      onWarning(redact(`hash equivalence server ${name}: ${messageOf(error)}; the build goes on without it`));
      return undefined;
    }
  }
}
