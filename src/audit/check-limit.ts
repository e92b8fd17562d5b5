/** A hidden check that somebody brought, with a time limit: a verdict that does not come leaves its case unchecked. */
import { TimeLimitError, withTimeLimit } from "../core/time-limit.ts";
import type { HiddenCheck, Verdict } from "./types.ts";

export const defaultCheckTime = 10_000;
/** Verdicts missed in a row, and in all, after which the check is asked no more. */
const inARow = 3;
const inAll = 10;

export interface LimitedCheck {
  readonly check: HiddenCheck;
  /** It missed so many verdicts that it is asked no more. */
  readonly givenUp: boolean;
  /** What is to be said about cases without a verdict; null: there is none. */
  note(): string | null;
}

/** `milliseconds` for each verdict, also of a check that never gives the thread back. */
export function limitCheck(check: HiddenCheck, milliseconds: number): LimitedCheck {
  let late = 0;
  let row = 0;
  let unasked = 0;
  const givenUp = () => row >= inARow || late >= inAll;
  const missed = (): Verdict => {
    late++;
    row++;
    return "unchecked";
  };
  return {
    async check(problem, response) {
      if (givenUp()) {
        unasked++;
        return "unchecked";
      }
      let timer: NodeJS.Timeout | undefined;
      try {
        const asked = withTimeLimit(milliseconds, () => check(problem, response));
        const limit = new Promise<"late">((resolve) => {
          timer = setTimeout(resolve, milliseconds, "late");
        });
        const verdict = await Promise.race([asked, limit]);
        if (verdict === "late") return missed();
        row = 0;
        return verdict;
      } catch (thrown) {
        if (thrown instanceof TimeLimitError) return missed();
        throw thrown;
      } finally {
        clearTimeout(timer);
      }
    },
    get givenUp() {
      return givenUp();
    },
    note() {
      if (late === 0) return null;
      const rest = unasked === 0 ? "" : `; after that it was asked no more, for ${unasked} others`;
      return `the hidden check gave no verdict within ${milliseconds / 1000} s on ${late} responses${rest}: they are left out as unchecked`;
    },
  };
}
