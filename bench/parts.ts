/**
 * Advantages of a million rollouts: the parts, beside the plainest typed-array loop that computes the
 * same, and beside NumPy on the same data (where python3 can import it). Only the computation is timed.
 * The three take turns, so that a busy machine slows all alike; the best of several runs is shown, and as
 * ratios: below 1 the part is the faster one.
 *
 *     npm run bench parts [rollouts = 1000000] [token-level rollouts = rollouts / 5]
 *
 * Token-level rows have 50 to 150 tokens, so a million of them are 0.8 GB an array.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createRandom, type Ragged, raggedOf } from "../src/core/index.ts";
import {
  conditionalGroup,
  entropyModulated,
  gae,
  groupRelative,
  minForm,
  perPromptNormalization,
  reinforcePlusPlus,
  rewardToGo,
  turningPoints,
} from "../src/credit/index.ts";

const N = Number(process.argv[3] ?? 1_000_000);
const tokenN = Number(process.argv[4] ?? Math.ceil(N / 5));
const groupSize = 8;
const runs = 7;
const seed = "bench/parts";

const random = createRandom(seed);
const fill = (array: Float64Array) => {
  for (let i = 0; i < array.length; i++) array[i] = random.uniform();
  return array;
};
const raggedRandom = (rows: number, low: number, high: number): Ragged => {
  const ragged = raggedOf(Int32Array.from({ length: rows }, () => low + random.integer(high - low + 1)));
  fill(ragged.values);
  return ragged;
};

const rewards = fill(new Float64Array(N));
const groups = Int32Array.from({ length: N }, (_, i) => Math.floor(i / groupSize));
const shuffled = groups.slice();
for (let i = N - 1; i > 0; i--) {
  const j = random.integer(i + 1);
  [shuffled[i], shuffled[j]] = [shuffled[j], shuffled[i]];
}
const P = groups[N - 1] + 1;
const names = Array.from(groups, (g) => `prompt-${g}`);
const metric = fill(new Float64Array(N));
const steps = raggedRandom(N, 4, 12);
const tokens = raggedRandom(tokenN, 50, 150);
const values: Ragged = { values: fill(new Float64Array(tokens.values.length)), offsets: tokens.offsets };

/** Group mean and sample deviation by the plainest loops; group numbers are known. */
function plainGroups(r: Float64Array, of: Int32Array, count: number): Float64Array {
  const n = new Float64Array(count);
  const mean = new Float64Array(count);
  for (let i = 0; i < r.length; i++) {
    n[of[i]]++;
    mean[of[i]] += r[i];
  }
  for (let g = 0; g < count; g++) mean[g] /= n[g];
  const squares = new Float64Array(count);
  for (let i = 0; i < r.length; i++) squares[of[i]] += (r[i] - mean[of[i]]) ** 2;
  const out = new Float64Array(r.length);
  for (let i = 0; i < r.length; i++) {
    const g = of[i];
    out[i] = (r[i] - mean[g]) / (Math.sqrt(squares[g] / (n[g] - 1)) + 1e-6);
  }
  return out;
}

function plainSteps({ values: r, offsets }: Ragged, of: Int32Array, count: number, width: number): Float64Array {
  const cell = new Int32Array(r.length);
  for (let i = 0; i < of.length; i++)
    for (let v = offsets[i]; v < offsets[i + 1]; v++) cell[v] = of[i] * width + v - offsets[i];
  return plainGroups(r, cell, count * width);
}

function plainNames(r: Float64Array, ids: readonly string[]): Float64Array {
  const numbers = new Map<string, number>();
  const of = new Int32Array(ids.length);
  for (let i = 0; i < ids.length; i++) {
    let number = numbers.get(ids[i]);
    if (number === undefined) {
      number = numbers.size;
      numbers.set(ids[i], number);
    }
    of[i] = number;
  }
  return plainGroups(r, of, numbers.size);
}

function plainWhiten(x: Float64Array): Float64Array {
  let mean = 0;
  for (let i = 0; i < x.length; i++) mean += x[i];
  mean /= x.length;
  let squares = 0;
  for (let i = 0; i < x.length; i++) squares += (x[i] - mean) ** 2;
  const scale = 1 / Math.sqrt(squares / (x.length - 1) + 1e-8);
  for (let i = 0; i < x.length; i++) x[i] = (x[i] - mean) * scale;
  return x;
}

function plainGae({ values: r, offsets }: Ragged, v: Float64Array, gamma: number, lambda: number): Float64Array {
  const a = new Float64Array(r.length);
  const returns = new Float64Array(r.length);
  for (let i = 0; i + 1 < offsets.length; i++) {
    let next = 0;
    let advantage = 0;
    for (let t = offsets[i + 1] - 1; t >= offsets[i]; t--) {
      advantage = r[t] + gamma * next - v[t] + gamma * lambda * advantage;
      next = v[t];
      a[t] = advantage;
      returns[t] = advantage + v[t];
    }
  }
  return plainWhiten(a);
}

function plainReturns({ values: r, offsets }: Ragged, gamma: number): Float64Array {
  const returns = new Float64Array(r.length);
  for (let i = 0; i + 1 < offsets.length; i++) {
    let running = 0;
    for (let t = offsets[i + 1] - 1; t >= offsets[i]; t--) {
      running = r[t] + gamma * running;
      returns[t] = running;
    }
  }
  return plainWhiten(returns.slice());
}

function plainMinForm({ values: r, offsets }: Ragged, temperature: number): Float64Array {
  const returns = new Float64Array(r.length);
  const weights = new Float64Array(r.length);
  for (let i = 0; i + 1 < offsets.length; i++) {
    let total = 0;
    for (let s = offsets[i]; s < offsets[i + 1]; s++) {
      weights[s] = Math.exp(-r[s] / temperature);
      total += weights[s];
    }
    let running = 0;
    for (let s = offsets[i + 1] - 1; s >= offsets[i]; s--) {
      running += (weights[s] / total) * r[s];
      returns[s] = running;
    }
  }
  return returns;
}

function plainEntropyModulated(outcome: Float64Array, { values: h, offsets }: Ragged): Float64Array {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let s = 0; s < h.length; s++) {
    if (h[s] < low) low = h[s];
    if (h[s] > high) high = h[s];
  }
  const clarity = new Float64Array(h.length);
  let sum = 0;
  for (let s = 0; s < h.length; s++) {
    clarity[s] = Math.exp(-(h[s] - low) / (high - low + 1e-8));
    sum += clarity[s];
  }
  const scale = h.length / sum;
  const out = new Float64Array(h.length);
  let total = 0;
  for (let i = 0; i + 1 < offsets.length; i++)
    for (let s = offsets[i]; s < offsets[i + 1]; s++) {
      out[s] = outcome[i] * clarity[s] * scale + (s + 1 < offsets[i + 1] ? 0.1 * clarity[s + 1] : 0);
      total += out[s];
    }
  for (let s = 0; s < out.length; s++) out[s] -= total / out.length;
  return out;
}

function plainReturnsToGo({ values: r, offsets }: Ragged): Float64Array {
  const returns = new Float64Array(r.length);
  for (let i = 0; i + 1 < offsets.length; i++) {
    let running = 0;
    for (let t = offsets[i + 1] - 1; t >= offsets[i]; t--) {
      running += r[t];
      returns[t] = running;
    }
  }
  return returns;
}

/** Halves by metric: groups lie together and have `groupSize` members but perhaps for the last. */
function plainHalves(r: Float64Array, metric: Float64Array): Float64Array {
  const out = new Float64Array(r.length);
  const order = new Int32Array(groupSize);
  for (let start = 0; start < r.length; start += groupSize) {
    const n = Math.min(groupSize, r.length - start);
    for (let k = 0; k < n; k++) {
      let at = k;
      for (; at > 0 && metric[order[at - 1]] > metric[start + k]; at--) order[at] = order[at - 1];
      order[at] = start + k;
    }
    const middle = n >> 1;
    let low = 0;
    let high = 0;
    for (let k = 0; k < n; k++) {
      if (k < middle) low += r[order[k]] / middle;
      else high += r[order[k]] / (n - middle);
    }
    for (let k = 0; k < n; k++) out[order[k]] = r[order[k]] - (k < middle ? high : low);
  }
  return out;
}

function plainIncrements({ values, offsets }: Ragged): Float64Array {
  const out = new Float64Array(values.length - offsets.length + 1);
  let at = 0;
  for (let i = 0; i + 1 < offsets.length; i++) {
    const final = values[offsets[i + 1] - 1];
    const sign = Math.sign(final - values[offsets[i]]);
    let before = 0;
    for (let s = offsets[i]; s + 1 < offsets[i + 1]; s++) {
      const d = values[s + 1] - values[s];
      const trend = Math.sign(d) * sign;
      const consistent = Math.sign(d) * Math.sign(final - values[s + 1]) > 0;
      const turning = consistent && (s === offsets[i] || (before < 0 && trend > 0));
      out[at++] = turning ? final - values[s] : d;
      before = trend;
    }
  }
  return out;
}

/** With the memory that the method is about, in the plainest form. */
function plainPrompts(r: Float64Array, ids: Int32Array): Float64Array {
  const buffers = new Map<string, number[]>();
  for (let i = 0; i < r.length; i++) {
    const key = String(ids[i]);
    const buffer = buffers.get(key);
    if (buffer) buffer.push(r[i]);
    else buffers.set(key, [r[i]]);
  }
  const out = new Float64Array(r.length);
  for (let i = 0; i < r.length; i++) {
    const buffer = buffers.get(String(ids[i])) ?? [];
    const mean = buffer.reduce((sum, x) => sum + x, 0) / buffer.length;
    const squares = buffer.reduce((sum, x) => sum + (x - mean) ** 2, 0);
    out[i] = (r[i] - mean) / (Math.sqrt(squares / buffer.length) + 1e-6);
  }
  return out;
}

const flat = (advantages: Float64Array | Ragged) => ("offsets" in advantages ? advantages.values : advantages);
interface Row {
  readonly name: string;
  /** What NumPy is asked for; absent: there is no vectorised form worth comparing with. */
  readonly numpy?: string;
  readonly part: () => Float64Array;
  readonly plain: () => Float64Array;
}
const rows: Row[] = [
  {
    name: "group-relative, integer ids in order",
    numpy: "groups",
    part: () => flat(groupRelative()({ rewards, groups }).advantages),
    plain: () => plainGroups(rewards, groups, P),
  },
  {
    name: "group-relative, integer ids shuffled",
    numpy: "shuffled",
    part: () => flat(groupRelative()({ rewards, groups: shuffled }).advantages),
    plain: () => plainGroups(rewards, shuffled, P),
  },
  {
    name: "group-relative, string ids",
    numpy: "names",
    part: () => flat(groupRelative()({ rewards, groups: names }).advantages),
    plain: () => plainNames(rewards, names),
  },
  {
    name: "group-relative, stepRewards (4 to 12 steps)",
    numpy: "steps",
    part: () => flat(groupRelative()({ stepRewards: steps, groups }).advantages),
    plain: () => plainSteps(steps, groups, P, 12),
  },
  {
    name: "gae, whitened",
    numpy: "gae",
    part: () => gae({ gamma: 0.99, lambda: 0.95 })({ tokenRewards: tokens, values }).advantages.values,
    plain: () => plainGae(tokens, values.values, 0.99, 0.95),
  },
  {
    name: "reinforce-plus-plus",
    numpy: "returns",
    part: () => reinforcePlusPlus({ gamma: 0.99 })({ tokenRewards: tokens }).advantages.values,
    plain: () => plainReturns(tokens, 0.99),
  },
  {
    name: "reward-to-go",
    part: () => rewardToGo()({ tokenRewards: tokens }).returns.values,
    plain: () => plainReturnsToGo(tokens),
  },
  {
    name: "min-form (4 to 12 steps)",
    numpy: "minform",
    part: () => minForm()({ stepRewards: steps }).returns.values,
    plain: () => plainMinForm(steps, 0.1),
  },
  {
    name: "entropy-modulated (4 to 12 steps)",
    numpy: "entropy",
    part: () => entropyModulated()({ advantages: rewards, entropies: steps }).advantages.values,
    plain: () => plainEntropyModulated(rewards, steps),
  },
  {
    name: "conditional-group",
    part: () => conditionalGroup()({ rewards, groups, metric }).advantages,
    plain: () => plainHalves(rewards, metric),
  },
  {
    name: "turning-points, unbalanced (3 to 11 steps)",
    part: () => turningPoints({ balance: false })({ latentRewards: steps }).stepRewards.values,
    plain: () => plainIncrements(steps),
  },
  {
    name: "per-prompt-normalization, empty buffers",
    part: () => perPromptNormalization({ minCount: 0 })({ rewards, groups, state: { buffers: {} } }).advantages,
    plain: () => plainPrompts(rewards, groups),
  },
];

// NumPy gets the layout it is fastest with: time-major padded arrays, group numbers known for integer ids.
const program = `
import sys, time
try:
    import numpy as np
except ImportError:
    sys.exit(3)
d = sys.argv[1]
f = lambda n, t: np.fromfile(d + "/" + n, dtype=t)
rewards, groups, shuffled = f("rewards", "f8"), f("groups", "i4"), f("shuffled", "i4")
names = np.array(["prompt-%d" % g for g in groups])
steps, stepOffsets = f("steps", "f8"), f("stepOffsets", "u4").astype(np.int64)
tokens, values, offsets = f("tokens", "f8"), f("values", "f8"), f("tokenOffsets", "u4").astype(np.int64)
lengths = np.diff(offsets)
mask = np.arange(lengths.max())[:, None] < lengths[None, :]
def padded(x):
    out = np.zeros((len(lengths), lengths.max())); out[mask.T] = x; return np.ascontiguousarray(out.T)
R, V = padded(tokens), padded(values)
M = mask.astype(float); total = M.sum()
def relative(r, g):
    n = np.bincount(g)
    c = r - (np.bincount(g, r) / np.maximum(n, 1))[g]
    sd = np.sqrt(np.bincount(g, c * c) / np.maximum(n - 1, 1))
    return c / (sd[g] + 1e-6)
def step_relative():
    count = np.diff(stepOffsets)
    column = np.arange(len(steps)) - np.repeat(stepOffsets[:-1], count)
    return relative(steps, np.repeat(groups.astype(np.int64) * 12, count) + column)
def whiten(x):
    mean = (x * M).sum() / total
    return (x - mean) / np.sqrt(((x - mean) ** 2 * M).sum() / (total - 1) + 1e-8)
def gae():
    a = np.empty_like(R); nv = np.zeros(R.shape[1]); last = np.zeros(R.shape[1])
    for t in range(len(R) - 1, -1, -1):
        last = (R[t] + 0.99 * nv - V[t] + 0.99 * 0.95 * last) * M[t]
        nv = V[t]; a[t] = last
    returns = a + V
    return whiten(a)
def returns():
    g = np.empty_like(R); run = np.zeros(R.shape[1])
    for t in range(len(R) - 1, -1, -1):
        run = R[t] + 0.99 * run; g[t] = run
    return whiten(g)
row = np.repeat(np.arange(len(stepOffsets) - 1), np.diff(stepOffsets))
def min_form():
    w = np.exp(-steps / 0.1)
    r = w / np.bincount(row, w)[row] * steps
    c = np.cumsum(r)
    return c[stepOffsets[1:] - 1][row] - c + r
def entropy():
    f = np.exp(-(steps - steps.min()) / (steps.max() - steps.min() + 1e-8))
    a = rewards[row] * f / (f.mean() + 1e-8)
    inner = np.ones(len(steps), bool); inner[stepOffsets[1:] - 1] = False
    a[inner] += 0.1 * f[1:][inner[:-1]]
    return a - a.mean()
work = {"minform": min_form, "entropy": entropy, "groups": lambda: relative(rewards, groups), "shuffled": lambda: relative(rewards, shuffled),
        "names": lambda: relative(rewards, np.unique(names, return_inverse=True)[1]),
        "steps": step_relative, "gae": gae, "returns": returns}
print("ready", flush=True)
for line in sys.stdin:
    run = work[line.strip()]
    start = time.perf_counter(); out = run(); ms = (time.perf_counter() - start) * 1000
    if out.ndim == 2: out = out.T[mask.T]
    print(ms, out[0], out[len(out) // 2], out[-1], flush=True)
`;

interface Numpy {
  /** Milliseconds, then the first, middle and last number of the result. */
  run(name: string): Promise<number[]>;
  stop(): void;
}

async function startNumpy(): Promise<Numpy | null> {
  const folder = mkdtempSync(join(tmpdir(), "guerdon-bench-"));
  const files: Record<string, NodeJS.TypedArray> = {
    rewards,
    groups,
    shuffled,
    steps: steps.values,
    stepOffsets: steps.offsets,
    tokens: tokens.values,
    values: values.values,
    tokenOffsets: tokens.offsets,
  };
  for (const [name, data] of Object.entries(files)) writeFileSync(join(folder, name), data);
  const child = spawn("python3", ["-c", program, folder], { stdio: ["pipe", "pipe", "inherit"] });
  child.on("error", () => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const first = await lines.next();
  rmSync(folder, { recursive: true, force: true });
  if (first.done) return null;
  return {
    async run(name) {
      child.stdin.write(`${name}\n`);
      const { value } = await lines.next();
      return String(value).split(" ").map(Number);
    },
    stop: () => child.stdin.end(),
  };
}

async function timed(row: Row, numpy: Numpy | null): Promise<void> {
  const best = { part: Number.POSITIVE_INFINITY, plain: Number.POSITIVE_INFINITY, numpy: Number.POSITIVE_INFINITY };
  const clock = (run: () => Float64Array): [number, Float64Array] => {
    const start = performance.now();
    const out = run();
    return [performance.now() - start, out];
  };
  let samples: number[] = [];
  let out = row.part();
  row.plain();
  for (let run = 0; run < runs; run++) {
    let ms: number;
    [ms, out] = clock(row.part);
    best.part = Math.min(best.part, ms);
    [ms] = clock(row.plain);
    best.plain = Math.min(best.plain, ms);
    if (!numpy || !row.numpy) continue;
    [ms, ...samples] = await numpy.run(row.numpy);
    best.numpy = Math.min(best.numpy, ms);
  }
  const places = [0, out.length >> 1, out.length - 1];
  samples.forEach((sample, k) => {
    if (Math.abs(out[places[k]] - sample) > 1e-6) console.error(`${row.name}: part ${out[places[k]]}, NumPy ${sample}`);
  });
  const beside = numpy && row.numpy;
  const cells = [best.part.toFixed(1), best.plain.toFixed(1), beside ? best.numpy.toFixed(1) : ""];
  cells.push((best.part / best.plain).toFixed(2), beside ? (best.part / best.numpy).toFixed(2) : "");
  console.log(`${row.name.padEnd(46)}${cells.map((cell) => cell.padStart(11)).join("")}`);
}

console.log(
  `${N} rollouts in groups of ${groupSize}; token level: ${tokenN} rollouts, ${tokens.values.length} tokens; seed ${seed}`,
);
const numpy = await startNumpy();
if (!numpy) console.log("python3 with NumPy not found: that column is empty");
const heads = ["part ms", "loop ms", "NumPy ms", "part/loop", "part/NumPy"];
console.log(`${"".padEnd(46)}${heads.map((head) => head.padStart(11)).join("")}`);
for (const row of rows) await timed(row, numpy);
numpy?.stop();
