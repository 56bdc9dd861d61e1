/** A real Chromium without a window, over its DevTools protocol: what a page looks like to who reads it. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { hasProgram } from "@tsbake/archive";
import { WebSocket } from "ws";
import { plainEnvironment, temporaryFolder } from "./temporary.js";

/** Why there is none here. */
export const browserMissing: string | undefined = (await hasProgram("chromium"))
  ? undefined
  : "there is no chromium on this machine";

/** @see https://chromedevtools.github.io/devtools-protocol/ */
interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: {
    readonly entry?: { readonly text: string };
    readonly exceptionDetails?: { readonly text: string; readonly exception?: Evaluated };
  };
  readonly result?: {
    readonly targetId?: string;
    readonly sessionId?: string;
    readonly result?: Evaluated;
    readonly root?: { readonly nodeId: number };
    readonly nodeId?: number;
    readonly data?: string;
  };
  readonly error?: { readonly message: string };
}

interface Evaluated {
  readonly value?: unknown;
  readonly description?: string;
}

/** Of keys that write nothing, or do something besides. */
const KEY_CODES: Readonly<Record<string, number>> = { Tab: 9, Enter: 13, " ": 32 };

export class Browser implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (message: Message) => void>();
  #session: string | undefined;
  #count = 0;
  /** What the browser has complained about: scripts that broke, or were refused as styles are, files that were not there. */
  readonly complaints: string[] = [];

  private constructor(process: ChildProcess, socket: WebSocket) {
    this.#process = process;
    this.#socket = socket;
    socket.on("message", (data: Buffer) => {
      const message = JSON.parse(data.toString()) as Message;
      if (message.id !== undefined) this.#waiting.get(message.id)?.(message);
      if (message.method === "Log.entryAdded") this.complaints.push(message.params!.entry!.text);
      if (message.method === "Runtime.exceptionThrown") {
        const { text, exception } = message.params!.exceptionDetails!;
        this.complaints.push(exception?.description ?? text);
      }
    });
  }

  static async start(): Promise<Browser> {
    const words = ["--headless", "--disable-gpu", "--remote-debugging-port=0", "--disable-dev-shm-usage"];
    // Root has no sandbox there.
    if (process.getuid?.() === 0) words.push("--no-sandbox");
    const folder = temporaryFolder("browser");
    const child = spawn("chromium", [...words, `--user-data-dir=${folder}`, "about:blank"], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...plainEnvironment(), HOME: folder },
    });
    const address = await new Promise<string>((resolve, reject) => {
      let said = "";
      createInterface({ input: child.stderr }).on("line", (line) => {
        said += `${line}\n`;
        const found = /^DevTools listening on (ws:\S+)/.exec(line);
        if (found) resolve(found[1]!);
      });
      child.once("error", reject);
      child.once("exit", (code) => reject(new Error(`chromium ended with ${code}:\n${said}`)));
    });
    const socket = new WebSocket(address);
    await once(socket, "open");
    return new Browser(child, socket);
  }

  /** Opens a page in a window of that width, and waits until it is there. */
  async open(url: string, width: number): Promise<void> {
    const { targetId } = await this.#ask("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.#ask("Target.attachToTarget", { targetId, flatten: true });
    this.#session = sessionId;
    await this.#ask("Log.enable");
    await this.#ask("Runtime.enable");
    await this.#ask("Emulation.setDeviceMetricsOverride", {
      width,
      height: 900,
      deviceScaleFactor: 1,
      mobile: false,
    });
    await this.#ask("Page.navigate", { url });
    while (
      (await this.evaluate(`location.href === ${JSON.stringify(url)} && document.readyState`)) !== "complete"
    );
  }

  /** @param expression of JavaScript, in the page @returns its value, or what its promise gives, as JSON has it */
  async evaluate(expression: string): Promise<unknown> {
    const answer = await this.#ask("Runtime.evaluate", {
      expression,
      returnByValue: true,
      awaitPromise: true,
    });
    return answer.result?.value;
  }

  /** @param key as `KeyboardEvent.key` calls it @param text what it types, e.g. a carriage return for Enter */
  async press(key: string, text?: string): Promise<void> {
    const code = KEY_CODES[key] ?? 0;
    await this.#ask("Input.dispatchKeyEvent", {
      type: "keyDown",
      key,
      windowsVirtualKeyCode: code,
      ...(text !== undefined && { text }),
    });
    await this.#ask("Input.dispatchKeyEvent", { type: "keyUp", key, windowsVirtualKeyCode: code });
  }

  /** Puts a file into a field for files. */
  async choose(selector: string, path: string): Promise<void> {
    const { root } = await this.#ask("DOM.getDocument");
    const { nodeId } = await this.#ask("DOM.querySelector", { nodeId: root!.nodeId, selector });
    await this.#ask("DOM.setFileInputFiles", { nodeId, files: [path] });
  }

  /** What is to be seen, as a PNG. */
  async picture(): Promise<Buffer> {
    const { data } = await this.#ask("Page.captureScreenshot");
    return Buffer.from(data!, "base64");
  }

  async showDark(): Promise<void> {
    const features = [{ name: "prefers-color-scheme", value: "dark" }];
    await this.#ask("Emulation.setEmulatedMedia", { features });
  }

  async #ask(method: string, params: object = {}): Promise<NonNullable<Message["result"]>> {
    const id = ++this.#count;
    const answer = new Promise<Message>((resolve) => this.#waiting.set(id, resolve));
    const sessionId =
      this.#session !== undefined && !method.startsWith("Target.") ? this.#session : undefined;
    this.#socket.send(JSON.stringify({ id, method, params, sessionId }));
    const { result, error } = await answer;
    this.#waiting.delete(id);
    if (error || !result) throw new Error(`${method}: ${error?.message ?? "no answer"}`);
    return result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const gone = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await gone;
  }
}
