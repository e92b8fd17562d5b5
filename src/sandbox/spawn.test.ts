import { expect, it } from "vitest";
import { createSandbox } from "./sandbox.ts";
import { permissionFlag } from "./spawn.ts";

it("knows the permission switch of each Node", () => {
  const flags = ["v20.12.0", "v22.12.0", "v22.13.0", "v22.20.1", "v23.4.0", "v23.5.0", "v24.0.0", "25.1.0"].map(
    permissionFlag,
  );
  const [before, after] = ["--experimental-permission", "--permission"];
  expect(flags).toEqual([before, before, after, after, before, after, after, after]);
});

const request = { code: "", timeLimit: 100, outputLimit: 10, steps: [{ kind: "program", stdin: "" }] } as const;

it.each(["python", "javascript"] as const)("rejects when %s cannot start, and soon stops trying", async (language) => {
  const sandbox = createSandbox({ language, interpreter: "/nowhere/pyodide" });
  const results = await Promise.allSettled(Array.from({ length: 40 }, () => sandbox.run(request)));
  for (const result of results) {
    expect(result.status).toBe("rejected");
    expect(String((result as PromiseRejectedResult).reason)).toContain(
      `the ${language} sandbox could not be started: Error`,
    );
  }
  await expect(sandbox.warm()).rejects.toThrow("could not be started");
  await sandbox.close();
});
