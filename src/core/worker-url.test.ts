import { expect, it } from "vitest";
import { workerUrl } from "./worker-url.ts";

it("points into dist from source and beside itself from dist", () => {
  expect(workerUrl("file:///p/src/a/src/sandbox/x.ts", "./child").href).toBe("file:///p/src/a/dist/sandbox/child.js");
  expect(workerUrl("file:///p/dist/sandbox/x.js", "./child").href).toBe("file:///p/dist/sandbox/child.js");
  expect(workerUrl("file:///p/src/pipeline/x.ts", "../sandbox/child").href).toBe("file:///p/dist/sandbox/child.js");
});
