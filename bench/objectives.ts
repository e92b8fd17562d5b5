/**
 * Microseconds a call of the main losses, forward and with gradient, under jit on this machine's CPU (Wasm), at
 * 64 × 32 and 512 × 1024 tokens; beside PyTorch on the same formulas where `python3` has it.
 *
 *     npm run bench objectives
 */
import { spawnSync } from "node:child_process";
import { jit, numpy as np, valueAndGrad } from "@jax-js/jax";
import { createRandom } from "../src/core/random.ts";
import { clippedSurrogateLoss } from "../src/objective/clipped-surrogate.ts";
import { evaluateWithGradient, type Tensor, tensor } from "../src/objective/engine.ts";
import { klLoss } from "../src/objective/kl.ts";
import { sftLoss } from "../src/objective/likelihood.ts";
import { cispoLoss } from "../src/objective/policy-gradient.ts";
import { dpoLoss } from "../src/objective/preference.ts";

const sizes = [
  [64, 32],
  [512, 1024],
] as const;

type Tensors = Record<string, Tensor>;
type Loss = (inputs: Tensors) => { loss: Tensor };

interface Entry {
  readonly name: string;
  readonly loss: Loss;
  readonly inputs: readonly string[];
  readonly wrt: readonly string[];
}

const policy = ["logprobs", "oldLogprobs", "advantages", "mask"];
const pair = [
  "chosenLogprobs",
  "rejectedLogprobs",
  "refChosenLogprobs",
  "refRejectedLogprobs",
  "chosenMask",
  "rejectedMask",
];
const entry = (name: string, loss: unknown, inputs: readonly string[], wrt: readonly string[]): Entry => ({
  name,
  loss: loss as Loss,
  inputs,
  wrt,
});
const entries: Entry[] = [
  entry("clipped surrogate (PPO)", clippedSurrogateLoss(), policy, ["logprobs"]),
  entry("clipped surrogate + k3", clippedSurrogateLoss({ klCoef: 0.01 }), [...policy, "refLogprobs"], ["logprobs"]),
  entry("GSPO", clippedSurrogateLoss({ ratio: "sequence", aggregation: "seq-mean-token-mean" }), policy, ["logprobs"]),
  entry("CISPO", cispoLoss(), policy, ["logprobs"]),
  entry("k3", klLoss(), ["logprobs", "refLogprobs", "mask"], ["logprobs"]),
  entry("SFT", sftLoss(), ["logprobs", "mask"], ["logprobs"]),
  entry("DPO", dpoLoss(), pair, ["chosenLogprobs", "rejectedLogprobs"]),
];

function numbers(name: string, rows: number, width: number): { data: Float32Array; shape: number[] } {
  const random = createRandom(name);
  if (name === "advantages")
    return { data: Float32Array.from({ length: rows }, () => random.normal()), shape: [rows, 1] };
  const draw = /mask/i.test(name) ? () => (random.uniform() < 0.8 ? 1 : 0) : () => -2 * random.uniform();
  return { data: Float32Array.from({ length: rows * width }, draw), shape: [rows, width] };
}

/** Median of repeated timings, in microseconds. */
function time(call: () => void): number {
  for (let warm = 0; warm < 3; warm++) call();
  const timings: number[] = [];
  const until = performance.now() + 700;
  while (timings.length < 5 || (performance.now() < until && timings.length < 2000)) {
    const start = performance.now();
    call();
    timings.push((performance.now() - start) * 1000);
  }
  return timings.sort((a, b) => a - b)[Math.floor(timings.length / 2)];
}

function measure({ loss, inputs, wrt }: Entry, rows: number, width: number): { forward: number; gradient: number } {
  const held: Tensors = {};
  for (const name of inputs) {
    const { data, shape } = numbers(name, rows, width);
    held[name] = np.array(data).reshape(shape);
  }
  const pick = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, held[name].ref]));
  const rest = inputs.filter((name) => !wrt.includes(name));
  const scalar = (variables: Tensors, others: Tensors) => loss({ ...others, ...variables }).loss;
  const forward = jit(scalar);
  const gradient = jit((variables: Tensors, others: Tensors) => valueAndGrad(scalar)(variables, others));
  const result = {
    forward: time(() => {
      forward(pick(wrt), pick(rest)).item();
    }),
    gradient: time(() => {
      const [value, gradients] = gradient(pick(wrt), pick(rest)) as unknown as [Tensor, Tensors];
      value.item();
      for (const array of Object.values(gradients)) array.dataSync();
    }),
  };
  for (const array of Object.values(held)) array.dispose();
  return result;
}

/** The same formulas in PyTorch: name → [forward, gradient] microseconds. Empty where PyTorch is not installed. */
function pytorch(rows: number, width: number): Record<string, [number, number]> {
  const script = `
import json, time, sys
try:
    import torch
except ImportError:
    print("{}"); sys.exit()
torch.set_num_threads(${process.env.GUERDON_BENCH_THREADS ?? 2})
N, T = ${rows}, ${width}
draw = lambda: -2 * torch.rand(N, T)
l, o, r, a, m = draw(), draw(), draw(), torch.randn(N, 1), (torch.rand(N, T) < 0.8).float()
mean = lambda x: (x * m).sum() / m.sum().clamp(min=1)
def surrogate(l, kl=0.0):
    q = (l - o).clamp(-20, 20).exp()
    x = mean(torch.maximum(-q * a, -q.clamp(0.8, 1.2) * a))
    if kl:
        d = (r - l).clamp(-20, 20)
        x = x + kl * mean((d.exp() - d - 1).clamp(-10, 10))
    return x
def gspo(l):
    c = m.sum(-1).clamp(min=1)
    s = (((l - o) * m).sum(-1) / c).detach()
    q = (l - l.detach() + s[:, None]).clamp(max=10).exp()
    x = torch.maximum(-q * a, -q.clamp(0.8, 1.2) * a)
    return ((x * m).sum(-1) / c).mean()
def cispo(l):
    q = (l - o).clamp(-20, 20).exp().clamp(0.8, 1.2).detach()
    return mean(-q * a * l)
def k3(l):
    d = (r - l).clamp(-20, 20)
    return mean((d.exp() - d - 1).clamp(-10, 10))
def dpo(l):
    z = 0.1 * (((l - r) * m).sum(-1) - ((o - r) * m).sum(-1))
    return -torch.nn.functional.logsigmoid(z).mean()
losses = {"clipped surrogate (PPO)": surrogate, "clipped surrogate + k3": lambda l: surrogate(l, 0.01), "GSPO": gspo,
          "CISPO": cispo, "k3": k3, "SFT": lambda l: -mean(l), "DPO": dpo}
def clock(f):
    for _ in range(3): f()
    t, end = [], time.perf_counter() + 0.7
    while len(t) < 5 or (time.perf_counter() < end and len(t) < 2000):
        s = time.perf_counter(); f(); t.append((time.perf_counter() - s) * 1e6)
    return sorted(t)[len(t) // 2]
out = {}
for name, f in losses.items():
    x = l.clone().requires_grad_()
    def backward():
        x.grad = None
        f(x).backward()
    with torch.no_grad():
        forward = clock(lambda: f(l).item())
    out[name] = [forward, clock(backward)]
print(json.dumps(out))
`;
  const { status, stdout } = spawnSync("python3", ["-c", script], { encoding: "utf8" });
  return status === 0 ? JSON.parse(stdout) : {};
}

const column = (value: number | undefined) => (value === undefined ? "–" : value.toFixed(0)).padStart(10);
for (const [rows, width] of sizes) {
  const beside = pytorch(rows, width);
  console.log(
    `\n${rows} × ${width} tokens, µs a call${Object.keys(beside).length > 0 ? "" : " (PyTorch is not installed)"}`,
  );
  console.log(`${"".padEnd(26)}   forward  gradient   PyTorch  gradient`);
  for (const one of entries) {
    const { forward, gradient } = measure(one, rows, width);
    const [torchForward, torchGradient] = beside[one.name] ?? [];
    console.log(
      one.name.padEnd(26) + column(forward) + column(gradient) + column(torchForward) + column(torchGradient),
    );
  }
}

const [rows, width] = sizes[0];
const inputs = Object.fromEntries(
  policy.map((name) => {
    const { data, shape } = numbers(name, rows, width);
    return [name, { data: Float64Array.from(data), shape }];
  }),
);
const contract = time(() => {
  const tensors = Object.fromEntries(
    Object.entries(inputs).map(([name, { data, shape }]) => [name, tensor(data, shape)]),
  );
  evaluateWithGradient(clippedSurrogateLoss() as unknown as Loss, tensors, ["logprobs"]);
});
console.log(
  `\nby contract (float64, interpreted), clipped surrogate with gradient at ${rows} × ${width}: ${contract.toFixed(0)} µs`,
);
