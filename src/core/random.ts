/**
 * Seeded random numbers. Parts never draw: whoever calls them draws here and passes numbers in.
 * The generator is sfc32 (Chris Doty-Humphrey's PractRand), seeded by a 128-bit hash of the seed's text, so that
 * streams with different names are unrelated.
 */
export interface Random {
  /** U[0, 1), 32 bits of resolution. */
  uniform(): number;
  /** N(0, 1). */
  normal(): number;
  /** Integer in [0, n). */
  integer(n: number): number;
  /** An independent generator; the same name gives the same one, however much was drawn here. */
  stream(name: string): Random;
}

export function createRandom(seed: string | number): Random {
  let [a, b, c, d] = hash128(String(seed));
  const bits = () => {
    const sum = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    c |= 0;
    return sum >>> 0;
  };
  for (let i = 0; i < 12; i++) bits();
  const uniform = () => bits() / 4294967296;
  let spare: number | null = null;
  return {
    uniform,
    normal() {
      if (spare !== null) {
        const value = spare;
        spare = null;
        return value;
      }
      const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
      const angle = 2 * Math.PI * uniform();
      spare = radius * Math.sin(angle);
      return radius * Math.cos(angle);
    },
    integer: (n) => Math.floor(uniform() * n),
    stream: (name) => createRandom(`${seed}/${name}`),
  };
}

/** Index in [0, count) of a given draw in [0, 1): ⌊uniform · count⌋, kept inside for a draw of 1. */
export function drawIndex(uniform: number, count: number): number {
  return Math.min(count - 1, Math.floor(uniform * count));
}

/** Smallest index whose cumulated weight exceeds uniform · Σ weights; −1 when there is no weight at all. */
export function drawWeighted(uniform: number, weights: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < weights.length; i++) total += weights[i];
  let cumulated = 0;
  let last = -1;
  for (let i = 0; i < weights.length; i++) {
    if (weights[i] <= 0) continue;
    cumulated += weights[i];
    last = i;
    if (cumulated > uniform * total) return i;
  }
  return last;
}

/** cyrb128: four 32-bit words from text. Not cryptographic. */
function hash128(text: string): [number, number, number, number] {
  let h1 = 1779033703;
  let h2 = 3144134277;
  let h3 = 1013904242;
  let h4 = 2773480762;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    h1 = h2 ^ Math.imul(h1 ^ code, 597399067);
    h2 = h3 ^ Math.imul(h2 ^ code, 2869860233);
    h3 = h4 ^ Math.imul(h3 ^ code, 951274213);
    h4 = h1 ^ Math.imul(h4 ^ code, 2716044179);
  }
  h1 = Math.imul(h3 ^ (h1 >>> 18), 597399067);
  h2 = Math.imul(h4 ^ (h2 >>> 22), 2869860233);
  h3 = Math.imul(h1 ^ (h3 >>> 17), 951274213);
  h4 = Math.imul(h2 ^ (h4 >>> 19), 2716044179);
  h1 ^= h2 ^ h3 ^ h4;
  return [h1 | 0, (h2 ^ h1) | 0, (h3 ^ h1) | 0, (h4 ^ h1) | 0];
}
