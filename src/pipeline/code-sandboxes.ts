/** The sandboxes that `signal/code-tests` keeps warm between calls. */
import { createSandbox, type Sandbox } from "../sandbox/sandbox.ts";

const sandboxes = new Map<string, Sandbox>();
let holders = 0;

/** Interpreters stay warm between calls; idle ones do not keep the program alive. */
export function sharedSandbox(language: "python" | "javascript", memoryLimit: number, workers: number): Sandbox {
  const key = `${language} ${memoryLimit} ${workers}`;
  let sandbox = sandboxes.get(key);
  if (!sandbox) {
    sandbox = createSandbox({ language, memoryLimit, workers });
    sandboxes.set(key, sandbox);
  }
  return sandbox;
}

/** Ends the interpreters that `signal/code-tests` keeps warm; the next use starts new ones. */
export async function closeCodeSandboxes(): Promise<void> {
  const open = [...sandboxes.values()];
  sandboxes.clear();
  await Promise.all(open.map((sandbox) => sandbox.close()));
}

/** For a scorer that runs code: the last one to release them closes the sandboxes. */
export function holdCodeSandboxes(): () => Promise<void> {
  holders++;
  let held = true;
  return async () => {
    if (!held) return;
    held = false;
    holders--;
    if (holders === 0) await closeCodeSandboxes();
  };
}
