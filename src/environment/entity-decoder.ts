/**
 * Bed `entity-decoder`: generated documents about entities for a tiny decoder-only transformer, one token per entity,
 * value or word. Who trains the decoder on them is the experiment's set-up. Layouts: `clusterWords`, `entityChains`.
 */
import type { Random } from "../core/random.ts";

export interface ClusterWordsParams {
  readonly topics: number;
  readonly clusters: number;
  /** Concepts of each cluster. */
  readonly concepts: number;
  /** Filler words of each surface. */
  readonly fillers: number;
}

/** Which surface the filler and the head of a response have: A both, A or B at random, A then B, B both. */
export type SurfaceShift = "id" | "mix" | "head" | "b";

/** Indices into `sequences`. */
export interface SequencePairs {
  readonly chosen: Int32Array;
  readonly rejected: Int32Array;
}

export interface ClusterWordsWorld extends ClusterWordsParams {
  readonly vocabulary: number;
  /** All prompts with a response: topic, filler, head, separator; S×4. */
  readonly sequences: Int32Array;
  /** Sequences with this topic and, in filler and head, surface B. */
  readonly shifted: (topic: number) => Int32Array;
  /** A sequence in random surfaces and the token of its head's cluster, count×5. */
  readonly documents: (count: number, random: Random) => Int32Array;
  /** Compared responses of surface A: `count` are drawn, those of equal gold are left out. */
  readonly trainingPairs: (count: number, random: Random) => SequencePairs;
}

export interface ClusterWordsTruth {
  /** Rank of each sequence's cluster in its topic, 0 (worst) to 1. */
  readonly gold: Float64Array;
  /** Exactly `count` pairs of unequal gold. */
  readonly testPairs: (shift: SurfaceShift, count: number, random: Random) => SequencePairs;
}

/**
 * Layout `clusterWords` (dporm-generalization): every concept has a word in surface A and one in surface B; documents mix
 * them and end in the cluster's token; each topic ranks the clusters by a random permutation. Stream: `ranks`.
 */
export function clusterWords(
  params: Partial<ClusterWordsParams>,
  random: Random,
): { readonly world: ClusterWordsWorld; readonly truth: ClusterWordsTruth } {
  const settings = { topics: 3, clusters: 6, concepts: 2, fillers: 4, ...params };
  const { topics, clusters } = settings;
  const heads = clusters * settings.concepts;
  // Tokens: heads A, heads B, fillers A, fillers B, separator, clusters, topics.
  const firstFiller = 2 * heads;
  const separator = firstFiller + 2 * settings.fillers;
  const firstTopic = separator + 1 + clusters;
  const words = 2 * settings.fillers * 2 * heads;
  const sequences = new Int32Array(topics * words * 4);
  const indexOf = (topic: number, filler: number, head: number) => topic * words + filler * 2 * heads + head;
  const ranks = random.stream("ranks");
  const permutations = Array.from({ length: topics }, () => permutation(clusters, ranks));
  const clusterOf = (head: number) => Math.floor((head % heads) / settings.concepts);
  const gold = new Float64Array(topics * words);
  for (let topic = 0; topic < topics; topic++) {
    for (let filler = 0; filler < 2 * settings.fillers; filler++) {
      for (let head = 0; head < 2 * heads; head++) {
        const index = indexOf(topic, filler, head);
        sequences.set([firstTopic + topic, firstFiller + filler, head, separator], index * 4);
        gold[index] = permutations[topic][clusterOf(head)] / (clusters - 1);
      }
    }
  }

  const draw = (shift: SurfaceShift, topic: number, from: Random) => {
    const surface = (b: boolean) => (shift === "mix" ? from.integer(2) : b ? 1 : 0);
    const filler = surface(shift === "b") * settings.fillers + from.integer(settings.fillers);
    const head = surface(shift === "b" || shift === "head") * heads + from.integer(heads);
    return indexOf(topic, filler, head);
  };
  /** Draws until `enough` of the pairs drawn and kept. */
  const pairs = (shift: SurfaceShift, enough: (drawn: number, kept: number) => boolean, from: Random) => {
    const chosen: number[] = [];
    const rejected: number[] = [];
    for (let drawn = 0; !enough(drawn, chosen.length); drawn++) {
      const topic = from.integer(topics);
      const [a, b] = [draw(shift, topic, from), draw(shift, topic, from)];
      if (gold[a] === gold[b]) continue;
      chosen.push(gold[a] > gold[b] ? a : b);
      rejected.push(gold[a] > gold[b] ? b : a);
    }
    return { chosen: Int32Array.from(chosen), rejected: Int32Array.from(rejected) };
  };

  return {
    world: {
      ...settings,
      vocabulary: firstTopic + topics,
      sequences,
      shifted: (topic) =>
        Int32Array.from({ length: settings.fillers * heads }, (_, i) =>
          indexOf(topic, settings.fillers + Math.floor(i / heads), heads + (i % heads)),
        ),
      documents(count, from) {
        const documents = new Int32Array(count * 5);
        for (let i = 0; i < count; i++) {
          const index = draw("mix", from.integer(topics), from);
          documents.set(sequences.subarray(index * 4, index * 4 + 4), i * 5);
          documents[i * 5 + 4] = separator + 1 + clusterOf(documents[i * 5 + 2]);
        }
        return documents;
      },
      trainingPairs: (count, from) => pairs("id", (drawn) => drawn === count, from),
    },
    truth: { gold, testPairs: (shift, count, from) => pairs(shift, (_, kept) => kept === count, from) },
  };
}

function permutation(count: number, random: Random): Int32Array {
  const order = Int32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

export interface EntityChainsParams {
  readonly entities: number;
  readonly mids: number;
  /** Chance that a document's thought is the right one. */
  readonly thoughtRight: number;
  /** Most restatements; a document has a uniform number of them. */
  readonly restatements: number;
  /** Share of documents whose entity is blank. */
  readonly blank: number;
}

/** An answer as it should or should not be; `correct` says what its last value is. */
export type ConstructedAnswer = "concise" | "redundant" | "partly-right" | "wrong";

export interface EntityChainsWorld extends EntityChainsParams {
  readonly vocabulary: number;
  readonly end: number;
  readonly padding: number;
  /** Columns of a question. */
  readonly promptLength: number;
  /** Tokens of the longest answer, the end included. */
  readonly answerLength: number;
  /** The question about an entity; `null`: the question without one. */
  readonly question: (entity: number | null) => Int32Array;
  /** What was drawn for a document: its question and answer. */
  readonly document: (random: Random) => { readonly question: Int32Array; readonly answer: Int32Array };
  /** Does the answer hold a thought, T0 and a middle value? */
  readonly hasThought: (answer: ArrayLike<number>) => boolean;
  /** The verifier: the answer ended, and its last out value is the entity's. */
  readonly solved: (entity: number, answer: ArrayLike<number>) => boolean;
}

/** For evaluation only. */
export interface EntityChainsTruth {
  readonly middles: Int32Array;
  readonly outs: Int32Array;
  /** Answers to a question: right once; right and restated thrice; right thought, wrong value; wrong thought, the value that follows from it. */
  readonly construct: (entity: number, kind: ConstructedAnswer, random: Random) => Int32Array;
}

/**
 * Layout `entityChains` (self-aligned-reward): entities have a middle value f(e), which has an out value h(m). Document:
 * `e C T0 m T1 o (T1 o)^r END` with o = h(m). Streams: `middles`, `outs`.
 */
export function entityChains(
  params: Partial<EntityChainsParams>,
  random: Random,
): { readonly world: EntityChainsWorld; readonly truth: EntityChainsTruth } {
  const settings = { entities: 40, mids: 10, thoughtRight: 0.6, restatements: 4, blank: 0.2, ...params };
  const { entities, mids } = settings;
  const firstMiddle = entities;
  const firstOut = entities + mids;
  const [colon, thought, value, end, blank, padding] = [0, 1, 2, 3, 4, 5].map((i) => entities + 2 * mids + i);
  const draw = random.stream("middles");
  const middles = Int32Array.from({ length: entities }, () => draw.integer(mids));
  const outs = permutation(mids, random.stream("outs"));
  const answerLength = 4 + 2 * settings.restatements + 1;
  const question = (entity: number | null) => Int32Array.of(entity ?? blank, colon);
  const answer = (middle: number, out: number, restatements: number) =>
    Int32Array.of(
      thought,
      firstMiddle + middle,
      ...Array.from({ length: 1 + restatements }, () => [value, firstOut + out]).flat(),
      end,
    );
  const another = (not: number, from: Random) => (not + 1 + from.integer(mids - 1)) % mids;
  return {
    world: {
      ...settings,
      vocabulary: padding + 1,
      end,
      padding,
      promptLength: 2,
      answerLength,
      question,
      document(from) {
        const entity = from.integer(entities);
        const middle = from.uniform() < settings.thoughtRight ? middles[entity] : from.integer(mids);
        const restatements = from.integer(settings.restatements + 1);
        const hidden = from.uniform() < settings.blank;
        return { question: question(hidden ? null : entity), answer: answer(middle, outs[middle], restatements) };
      },
      hasThought: (tokens) => {
        for (let t = 1; t < tokens.length; t++)
          if (tokens[t - 1] === thought && tokens[t] >= firstMiddle && tokens[t] < firstOut) return true;
        return false;
      },
      solved: (entity, tokens) => {
        if (tokens[tokens.length - 1] !== end) return false;
        for (let t = tokens.length - 2; t >= 0; t--)
          if (tokens[t] >= firstOut && tokens[t] < colon) return tokens[t] - firstOut === outs[middles[entity]];
        return false;
      },
    },
    truth: {
      middles,
      outs,
      construct(entity, kind, from) {
        const middle = middles[entity];
        if (kind === "concise") return answer(middle, outs[middle], 0);
        if (kind === "redundant") return answer(middle, outs[middle], 3);
        if (kind === "partly-right") return answer(middle, another(outs[middle], from), 0);
        const other = another(middle, from);
        return answer(other, outs[other], 0);
      },
    },
  };
}
