/** What every server of the bench is asked: batches of GSM8K-like rollouts, one in three of them wrong. */
import { createRandom } from "../../src/core/random.ts";

/** Rollouts in a request, where nothing else is said. */
export const usualBatch = 64;

export interface Work {
  /** A whole HTTP request. */
  readonly request: Buffer;
  /** The list of rewards that is right, as JavaScript and as Python write it. */
  readonly rewards: readonly Buffer[];
}

/** The last number of the response is the reference. The same regular expression is in every peer. */
export const reward = `import { defineReward } from "guerdon";
const number = /-?\\d[\\d,]*(?:\\.\\d+)?/g;
const last = (text) => (text.match(number) ?? []).at(-1)?.replaceAll(",", "") ?? null;
export default defineReward({ signals: { right: ({ response, reference }) => last(response) === reference } });
`;

export function makeWork(count: number, seed: string, batchSize = usualBatch): Work[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => {
    const responses: string[] = [];
    const references: string[] = [];
    const rewards: number[] = [];
    for (let i = 0; i < batchSize; i++) {
      let total = random.integer(90) + 10;
      const lines = Array.from({ length: 3 + random.integer(4) }, (_, k) => {
        const more = random.integer(50) + 1;
        total += more;
        return `Step ${k + 1}: adding the ${more} that came in gives ${total - more} + ${more} = <<${total - more}+${more}=${total}>>${total}.`;
      });
      const right = random.uniform() < 2 / 3;
      responses.push(`${lines.join("\n")}\n#### ${right ? total : total + 1}`);
      references.push(String(total));
      rewards.push(right ? 1 : 0);
    }
    const body = Buffer.from(JSON.stringify({ fields: { responses, references }, evidence: false }));
    const written = (digits: number) =>
      Buffer.from(`"rewards":[${rewards.map((one) => one.toFixed(digits)).join(",")}]`);
    const head = `POST /v1/score HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
    return { request: Buffer.concat([Buffer.from(head), body]), rewards: [written(0), written(1)] };
  });
}
