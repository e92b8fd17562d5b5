/**
 * How losses run. A loss is one function on jax-js arrays, used in two ways:
 *
 * - inside a training step, under `jit` and `grad`, on whatever device and dtype the step uses
 *   (compiled Wasm kernels in float32): no JSON, no copies to the host;
 * - by contract, through `evaluate`: plain numbers in and out, in float64 on jax-js's interpreting
 *   "cpu" device, where exp and log keep all their digits (its Wasm kernels compute those two in
 *   float32 whatever the dtype). Slow for large batches and exact: the same function, not a copy.
 *
 * Ownership. jax-js arrays are owned: an operation consumes its operands, `.ref` keeps one for
 * another use, and whoever ignores an array disposes of it. A loss here consumes every array it is
 * given and returns arrays that its caller owns. Masks and weights are arrays like the others.
 */
import { DType, lax, numpy as np, type numpy, valueAndGrad } from "@jax-js/jax";
import { type Ragged, type RaggedLike, toRagged, type Vector } from "../core/ragged.ts";

/** An array of jax-js, or a tracer of one under `jit` and `grad`. */
export type Tensor = numpy.Array;
export type Tensors = { [name: string]: Tensor };

/** Runs `body` where a `Float64Array` may become an array: jax-js names `Float16Array`, which Node has only since 24. */
function withFloat16<T>(body: () => T): T {
  const scope = globalThis as { Float16Array?: unknown };
  if (scope.Float16Array !== undefined) return body();
  scope.Float16Array = class Float16Array {};
  try {
    return body();
  } finally {
    delete scope.Float16Array;
  }
}

/** A float64 array on the "cpu" device. Data is copied. */
export function tensor(data: Vector, shape: number[] = [data.length]): Tensor {
  const values = data instanceof Float64Array ? data : Float64Array.from(data);
  return withFloat16(() => np.array(values, { dtype: DType.Float64, shape, device: "cpu" }));
}

/** A vector as a float64 tensor; of one zero where it is empty (jax-js has no empty arrays). */
export function vectorTensor(values: Vector): Tensor {
  return tensor(values.length === 0 ? [0] : values);
}

/** Rows padded with zeros to one width, at least 1 × 1 (jax-js has no empty arrays), row-major. */
export interface Padded {
  readonly values: Float64Array;
  readonly rows: number;
  readonly width: number;
}

/** Pads ragged rows to the longest one, or to `width`. */
export function pad(rows: RaggedLike, width = 1): Padded {
  const { values, offsets } = toRagged(rows);
  const count = offsets.length - 1;
  let widest = width;
  for (let i = 0; i < count; i++) widest = Math.max(widest, offsets[i + 1] - offsets[i]);
  const padded = new Float64Array(Math.max(1, count) * widest);
  for (let i = 0; i < count; i++) padded.set(values.subarray(offsets[i], offsets[i + 1]), i * widest);
  return { values: padded, rows: Math.max(1, count), width: widest };
}

/** 1 where `like` has an entry (and `mask`, if given, is not 0), 0 in the padding. */
export function maskOf(like: RaggedLike, mask?: RaggedLike): Padded {
  const { values, offsets } = toRagged(like);
  const given = mask === undefined ? undefined : toRagged(mask).values;
  const counts = new Float64Array(values.length);
  for (let k = 0; k < counts.length; k++) counts[k] = given === undefined || given[k] !== 0 ? 1 : 0;
  return pad({ values: counts, offsets });
}

/** A float64 tensor rows × width of ragged rows. */
export function rowsTensor(rows: RaggedLike): Tensor {
  return paddedTensor(pad(rows));
}

export function paddedTensor({ values, rows, width }: Padded): Tensor {
  return tensor(values, [rows, width]);
}

/** The mask as a float64 tensor; see `maskOf`. */
export function maskTensor(like: RaggedLike, mask?: RaggedLike): Tensor {
  return paddedTensor(maskOf(like, mask));
}

/** One number per row as a rows × 1 tensor, or rows of numbers padded: what `advantages` may be. */
export function perRowOrToken(values: Vector | RaggedLike): Tensor {
  return isVector(values)
    ? tensor(values.length === 0 ? [0] : values, [Math.max(1, values.length), 1])
    : rowsTensor(values);
}

function isVector(values: Vector | RaggedLike): values is Vector {
  return "length" in values && (values.length === 0 || typeof values[0] === "number");
}

/** The entries of a padded result that exist in `like`; drops the padding. */
export function unpad(values: Vector, like: RaggedLike): Ragged {
  const { offsets } = toRagged(like);
  const count = offsets.length - 1;
  const width = values.length / Math.max(1, count);
  const kept = new Float64Array(offsets[count]);
  for (let i = 0; i < count; i++) {
    for (let k = offsets[i], t = i * width; k < offsets[i + 1]; k++, t++) kept[k] = values[t];
  }
  return { values: kept, offsets };
}

/** The numbers of a tensor, row-major, −0 as 0; consumes it. */
export function read(array: Tensor): Float64Array {
  const numbers = Float64Array.from(array.dataSync());
  for (let k = 0; k < numbers.length; k++) numbers[k] += 0;
  return numbers;
}

/** What `evaluate` gives for a record of tensors: `loss` as a number, the rest flat, row-major. */
export type Numbers<D> = {
  [K in keyof D]: K extends "loss" ? number : D[K] extends Tensor ? Float64Array : Float64Array | undefined;
};

/** Runs a loss (or any function) on float64 arrays and reads every result. Consumes `inputs`. */
export function evaluate<A extends object, D extends object>(run: (inputs: A) => D, inputs: A): Numbers<D> {
  return withFloat16(() => readAll(run(inputs)));
}

/** As `evaluate`, with ∂loss/∂input for the inputs named in `wrt`, flat, row-major. */
export function evaluateWithGradient<A extends object, D extends { loss: Tensor }, W extends keyof A & string>(
  loss: (inputs: A) => D,
  inputs: A,
  wrt: readonly W[],
): Numbers<D> & { gradients: Record<W, Float64Array> } {
  return withFloat16(() => {
    const variables: Tensors = {};
    const constants: Tensors = {};
    for (const [name, value] of Object.entries(inputs)) {
      if (value === undefined) continue;
      if ((wrt as readonly string[]).includes(name)) variables[name] = value;
      else constants[name] = value;
    }
    // Constants are captured, not passed: what autodiff does not see costs nothing and leaves no residuals behind.
    const split = (differentiated: Tensors): [Tensor, Tensors] => {
      const { loss: value, ...diagnostics } = loss({ ...constants, ...differentiated } as A);
      // An input handed back untouched would come out as a tracer.
      for (const [name, array] of Object.entries(diagnostics as Tensors)) {
        if (array !== undefined) (diagnostics as Tensors)[name] = lax.stopGradient(array);
      }
      return [value, diagnostics as Tensors];
    };
    const [[value, diagnostics], gradient] = valueAndGrad(split, { hasAux: true })(variables) as unknown as [
      [Tensor, Tensors],
      Tensors,
    ];
    const results = readAll({ loss: value, ...diagnostics }) as Numbers<D>;
    const gradients = {} as Record<W, Float64Array>;
    for (const name of wrt) gradients[name] = read(gradient[name]);
    return { ...results, gradients };
  });
}

function readAll<D extends object>(results: D): Numbers<D> {
  const numbers: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(results)) {
    if (value !== undefined) numbers[name] = name === "loss" ? read(value)[0] : read(value);
  }
  return numbers as Numbers<D>;
}
