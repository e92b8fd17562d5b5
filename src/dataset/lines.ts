/** Lines of a byte stream: safe across chunk borders inside a UTF-8 sequence, CRLF or LF, bounded in length. */
import type { Place } from "./source.ts";

export interface Line {
  readonly place: Place;
  readonly text: string;
  /** The line was longer than the limit; `text` is empty. */
  readonly tooLong: boolean;
}

const newline = 10;
const carriageReturn = 13;

/**
 * Blocks of non-blank lines, one block a chunk. `from` says where the stream begins. Blank lines count
 * as lines but are not given. A byte-order mark at byte 0 is dropped.
 */
export async function* readLines(
  chunks: AsyncIterable<Buffer>,
  from: Place,
  limit: number,
): AsyncGenerator<Line[], void, undefined> {
  let { row, byte, line } = from;
  let held: Buffer[] = [];
  let heldBytes = 0;

  const finish = (tail: Buffer, ended: boolean): Line | null => {
    const bytes = heldBytes + tail.length;
    const place = { row, byte, line };
    const tooLong = bytes > limit;
    let text = "";
    if (!tooLong) {
      const whole = held.length === 0 ? tail : Buffer.concat([...held, tail], bytes);
      const end = whole.length > 0 && whole[whole.length - 1] === carriageReturn ? whole.length - 1 : whole.length;
      const begin = place.byte === 0 && whole[0] === 0xef && whole[1] === 0xbb && whole[2] === 0xbf ? 3 : 0;
      text = whole.toString("utf8", begin, end);
    }
    held = [];
    heldBytes = 0;
    byte += bytes + (ended ? 1 : 0);
    line++;
    if (!tooLong && /^\s*$/.test(text)) return null;
    row++;
    return { place, text, tooLong };
  };

  for await (const chunk of chunks) {
    const block: Line[] = [];
    let position = 0;
    for (;;) {
      const end = chunk.indexOf(newline, position);
      if (end < 0) break;
      const found = finish(chunk.subarray(position, end), true);
      if (found) block.push(found);
      position = end + 1;
    }
    if (position < chunk.length) {
      const rest = chunk.subarray(position);
      // Past the limit only the length matters: the bytes are let go.
      if (heldBytes <= limit) held.push(rest);
      else held = [];
      heldBytes += rest.length;
    }
    if (block.length > 0) yield block;
  }
  if (heldBytes > 0) {
    const found = finish(Buffer.alloc(0), false);
    if (found) yield [found];
  }
}
