import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, integers, nullableVector, ragged, shaped, uniforms } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { rowCount, rowOf, toRagged } from "../core/ragged.ts";
import { drawIndex } from "../core/random.ts";
import { expectGiven, expectLength } from "../core/shapes.ts";

/**
 * Windows inside episodes, so that a trajectory discriminator does not saturate (ASAF, in arXiv 2412.07177).
 *
 * Episodes lie one after the other; each is cut into windows [start, end) of `size` steps, the last one shorter where it
 * does not fit. No window crosses episodes.
 */
export const trajectoryWindows = definePart({
  id: "sampling/trajectory-windows",
  papers: ["reward-specification-thesis"],
  params: z.object({ size: z.int().positive().describe("steps per window") }),
  inputs: z.object({ lengths: integers("N", "steps per episode") }),
  outputs: z.object({ windows: shaped(z.array(z.tuple([z.int(), z.int()])), "M", "[start, end) of each window") }),
  compute({ size }, { lengths }) {
    const windows: [number, number][] = [];
    let start = 0;
    for (let i = 0; i < lengths.length; i++) {
      const end = start + lengths[i];
      for (; start < end; start = Math.min(start + size, end)) windows.push([start, Math.min(start + size, end)]);
    }
    return { windows };
  },
});

/**
 * One position per document at which to think before predicting (RLP, arXiv 2510.01265).
 *
 * minContext + min(⌊u·(n − minContext)⌋, n − minContext − 1) for a document of n tokens; null when it is not longer than
 * `minContext`. The index rule is ours.
 */
export const randomPosition = definePart({
  id: "sampling/random-position",
  papers: ["rlp"],
  params: z.object({ minContext: z.int().nonnegative().default(1).describe("tokens before the position at least") }),
  inputs: z.object({ lengths: integers("N", "tokens per document"), uniforms: uniforms("N", "one draw per document") }),
  outputs: z.object({ positions: nullableVector("N", "token that is predicted, 0-based") }),
  compute({ minContext }, { lengths, uniforms: draws }) {
    expectLength(draws, lengths.length, "uniforms");
    return {
      positions: Array.from(lengths, (length, i) =>
        length > minContext ? minContext + drawIndex(draws[i], length - minContext) : null,
      ),
    };
  },
});

/**
 * Inserts pause tokens, on which there is no loss (pause tokens; survey arXiv 2509.02350).
 *
 * `count` copies of `pauseId` go before token `positions[i]` of row i (its length: at the end); their mask is 0. Without
 * a mask all other tokens count. A position outside the row: `ContractError`.
 */
export const pauseInsertion = definePart({
  id: "sampling/pause-insertion",
  papers: ["implicit-reasoning-survey"],
  params: z.object({
    count: z.int().nonnegative().describe("pause tokens per sequence"),
    pauseId: z.int().describe("token id"),
  }),
  inputs: z.object({
    tokens: ragged("N×T", "token ids"),
    positions: integers("N", "where the pauses go"),
    mask: fields.mask.optional(),
  }),
  outputs: z.object({ tokens: ragged("N×U", "with pauses"), mask: ragged("N×U", "0 on pauses") }),
  compute({ count, pauseId }, { tokens, positions, mask }) {
    const rows = toRagged(tokens);
    const masks = mask && toRagged(mask);
    expectLength(positions, rowCount(rows), "positions");
    if (masks && rowCount(masks) !== rowCount(rows))
      throw new ContractError("inputs.mask", `expected ${rowCount(rows)} rows, got ${rowCount(masks)}`);
    const out = { tokens: [] as number[][], mask: [] as number[][] };
    for (let i = 0; i < rowCount(rows); i++) {
      const row = Array.from(rowOf(rows, i));
      const counts = masks ? Array.from(rowOf(masks, i)) : row.map(() => 1);
      expectLength(counts, row.length, `mask[${i}]`);
      const position = positions[i];
      if (position < 0 || position > row.length)
        throw new ContractError(`inputs.positions[${i}]`, `expected 0 to ${row.length}, got ${position}`);
      const insert = (values: number[], value: number) => [
        ...values.slice(0, position),
        ...new Array<number>(count).fill(value),
        ...values.slice(position),
      ];
      out.tokens.push(insert(row, pauseId));
      out.mask.push(insert(counts, 0));
    }
    return out;
  },
});

/**
 * Points at which a discriminator's gradient is penalised (arXiv 2006.16785; WGAN-GP, DRAGAN).
 *
 * `wgan`: ε·policy + (1 − ε)·expert, with one draw ε for the first `stateDimensions` coordinates and another for the
 * action (null: one draw for all, as in WGAN-GP); `dragan`: expert + `noise`·ξ; `nagard`: policy + `noise`·ξ; `bare`: policy.
 * The draws are `uniforms` (N×2) or `normals` (N×D), standard normal. A missing draw: `ContractError`.
 */
export const penaltyPoints = definePart({
  id: "sampling/penalty-points",
  papers: ["lipschitz-gail"],
  params: z.object({
    variant: z.enum(["wgan", "dragan", "nagard", "bare"]).default("wgan").describe("where the points lie"),
    stateDimensions: z.int().nonnegative().nullable().default(null).describe("coordinates that are state"),
    noise: z.number().nonnegative().default(10).describe("deviation of the noise"),
  }),
  inputs: z.object({
    policy: ragged("N×D", "state-action points of the policy"),
    expert: ragged("N×D", "state-action points of the expert"),
    uniforms: shaped(z.array(z.array(z.number().min(0).max(1))), "N×2", "draws from U[0, 1)").optional(),
    normals: ragged("N×D", "draws from N(0, 1)").optional(),
  }),
  outputs: z.object({ points: ragged("N×D", "where to take the gradient") }),
  compute({ variant, stateDimensions, noise }, { policy, expert, uniforms: draws, normals }) {
    const own = toRagged(policy);
    const shown = toRagged(expert);
    const count = rowCount(own);
    if (rowCount(shown) !== count)
      throw new ContractError("inputs.expert", `expected ${count} rows, got ${rowCount(shown)}`);
    if (variant === "wgan") expectLength(expectGiven(draws, "inputs.uniforms", "wgan interpolates"), count, "uniforms");
    const noises =
      variant === "dragan" || variant === "nagard"
        ? toRagged(expectGiven(normals, "inputs.normals", `${variant} adds noise`))
        : null;
    if (noises && rowCount(noises) !== count)
      throw new ContractError("inputs.normals", `expected ${count} rows, got ${rowCount(noises)}`);
    const points: number[][] = [];
    for (let i = 0; i < count; i++) {
      const from = rowOf(own, i);
      const to = rowOf(shown, i);
      expectLength(to, from.length, `expert[${i}]`);
      const noiseRow = noises && rowOf(noises, i);
      if (noiseRow) expectLength(noiseRow, from.length, `normals[${i}]`);
      const row = draws?.[i] ?? [];
      if (variant === "wgan" && row.length < (stateDimensions === null ? 1 : 2))
        throw new ContractError(`inputs.uniforms[${i}]`, `expected a draw per block, got ${row.length}`);
      points.push(
        Array.from(from, (coordinate, d) => {
          if (variant === "wgan") {
            const share = row[stateDimensions === null || d < stateDimensions ? 0 : 1];
            return share * coordinate + (1 - share) * to[d];
          }
          return (variant === "dragan" ? to[d] : coordinate) + noise * (noiseRow?.[d] ?? 0);
        }),
      );
    }
    return { points };
  },
});
