import { codeTests } from "../pipeline/index.ts";
import { checkAnswer, checkChat, checkFormat } from "./answers.ts";
import type { HiddenCheck } from "./types.ts";

const heldOut = codeTests({ language: "python", timeLimit: 2, concurrency: 1 });

/** The built-in hidden check: by the known answer, by facts, by form, by tests that the reward does not have. */
export function referenceCheck(): HiddenCheck {
  const known = new Map<string, Promise<boolean | null>>();
  return (problem, response) => {
    switch (problem.kind) {
      case "format":
        return checkFormat(response);
      case "chat":
        return checkChat(problem, response);
      case "code": {
        const key = `${problem.id}\u0000${response}`;
        let verdict = known.get(key);
        if (!verdict) {
          const tests = (problem.hidden?.tests ?? problem.extra.tests) as never;
          verdict = heldOut({ responses: [response], tests: [tests] }).then(({ rewards }) =>
            rewards[0] === null ? null : rewards[0] === 1,
          );
          known.set(key, verdict);
        }
        return verdict;
      }
      default:
        return checkAnswer(problem, response);
    }
  };
}
