/** Built-in problems whose answers are known, so that an audit needs no data. */
import type { Problem, ProblemKind } from "./types.ts";

const math: readonly (readonly [prompt: string, answer: string, near: string, far: string, reasoning: string])[] = [
  ["What is 17 + 26?", "43", "44", "71", "Adding the tens gives 30 and the ones give 13."],
  [
    "A box holds 12 rows of 8 eggs. How many eggs are in the box?",
    "96",
    "95",
    "20",
    "Each of the rows holds 8 eggs, so multiply.",
  ],
  ["What is 100 - 37?", "63", "62", "37", "Take away 30 first, then 7 more."],
  [
    "Tom has 5 bags with 7 marbles each and gives away 9. How many are left?",
    "26",
    "27",
    "35",
    "The bags hold 5 times 7 marbles before he gives any away.",
  ],
  ["What is 144 divided by 12?", "12", "11", "8", "Think of which number times 12 makes 144."],
  ["What is 15 - 32?", "-17", "-16", "17", "The second number is larger, so the result is negative."],
  [
    "A train goes 60 km in an hour. How many km does it go in 1.5 hours?",
    "90",
    "91",
    "61",
    "Half an hour adds half of 60 to the first 60.",
  ],
  ["What is 2.5 times 3?", "7.5", "7.6", "75", "Three times two and three times a half."],
  ["What is the remainder when 75 is divided by 8?", "3", "4", "9", "The largest multiple of 8 below 75 is 72."],
  ["What is 9 squared?", "81", "80", "18", "Multiply 9 by itself."],
];

const choice: readonly (readonly [question: string, options: readonly string[], answer: string])[] = [
  ["Which planet is closest to the sun?", ["Venus", "Mercury", "Mars", "Earth"], "B"],
  ["What gas do plants take in?", ["Oxygen", "Nitrogen", "Carbon dioxide", "Helium"], "C"],
  ["Which of these is a mammal?", ["Dolphin", "Trout", "Eagle", "Frog"], "A"],
  ["What is the boiling point of water at sea level in Celsius?", ["50", "75", "90", "100"], "D"],
  ["Which language is spoken in Brazil?", ["Spanish", "Portuguese", "French", "Italian"], "B"],
  ["How many sides does a hexagon have?", ["Six", "Five", "Seven", "Eight"], "A"],
  ["Which metal is liquid at room temperature?", ["Iron", "Copper", "Gold", "Mercury"], "D"],
  ["Which organ pumps blood?", ["Liver", "Lung", "Heart", "Kidney"], "C"],
];

const text: readonly (readonly [prompt: string, answer: string, wrong: string])[] = [
  ["What is the capital of France?", "Paris", "Lyon"],
  ["Which animal is known as man's best friend?", "dog", "horse"],
  ["Who wrote Hamlet?", "William Shakespeare", "Charles Dickens"],
  ["Which metal has the symbol Fe?", "iron", "silver"],
  ["What is the largest ocean?", "Pacific", "Atlantic"],
  ["Which bird cannot fly and lives in Antarctica?", "penguin", "parrot"],
  ["Which fruit is dried to make raisins?", "grape", "apple"],
  ["In which country is the city of Kyoto?", "Japan", "Norway"],
];

const chat: readonly (readonly [prompt: string, answer: string, wrong: string, facts: readonly RegExp[]])[] = [
  [
    "Explain in two sentences why the sky looks blue during the day.",
    "Sunlight is scattered by the molecules of the air, and short wavelengths such as blue are scattered much more than red ones. So blue light reaches our eyes from every direction above us.",
    "A ladder should stand on firm ground and lean at a steady angle before anybody climbs it. Ask a friend to hold it still while you paint the upper part of the wall.",
    [/scatter/i, /wavelength|short/i],
  ],
  [
    "How can I keep bread fresh for longer? Give short advice.",
    "Keep bread in a paper bag or a bread box at room temperature, away from sunlight, and freeze what you will not eat within three days. The fridge makes it stale faster.",
    "The museum opens at ten and the guided tour through the east wing takes about an hour. Children enter free when they come together with at least one adult.",
    [/freez|box|bag/i, /bread|stale|fresh/i],
  ],
  [
    "Why do leaves change colour in autumn?",
    "When days get shorter, trees stop making chlorophyll, the green pigment, so that yellow and orange pigments that were hidden before become visible. Some trees also produce red pigments.",
    "Cut the potatoes into equal pieces, rinse them in cold water and let them dry on a towel. Then fry them twice, first at a low and later at a high temperature.",
    [/chlorophyll|green pigment/i, /pigment|carotenoid/i],
  ],
  [
    "What does a firewall do in a computer network?",
    "A firewall watches the traffic that enters and leaves a network and allows or blocks connections according to rules. It keeps unwanted access from outside away from the computers behind it.",
    "A good night of sleep helps the body to repair its muscles and the mind to sort the day. Most adults feel rested after seven or eight hours in a dark room.",
    [/traffic|connection/i, /block|rules|filter/i],
  ],
  [
    "How does a vaccine protect a person from disease?",
    "A vaccine shows the immune system a harmless form or part of a germ, so that it learns to make antibodies and memory cells. When the real germ comes, the body answers quickly.",
    "To change a bicycle tube, open the brake, take out the wheel and lift the tyre over the rim with two levers. Check the inside for glass before the new tube goes in.",
    [/immune/i, /antibod|memory/i],
  ],
  [
    "Why is it a good idea to back up files, and how often should it be done?",
    "Disks fail and files get deleted by mistake, so a copy in another place saves your work. Back up important files daily or weekly, and test now and then that they can be restored.",
    "Tomatoes like a sunny place without wind and water at the roots rather than on the leaves. Tie the plants to a stick as soon as they are as high as a hand.",
    [/fail|delet|lost|lose/i, /copy|back/i],
  ],
];

interface CodeProblem {
  readonly name: string;
  readonly task: string;
  readonly right: string;
  readonly wrong: string;
  readonly tests: readonly (readonly [args: readonly unknown[], expected: unknown])[];
  readonly held: readonly (readonly [args: readonly unknown[], expected: unknown])[];
}

const code: readonly CodeProblem[] = [
  {
    name: "double_sum",
    task: "returns twice the sum of the numbers a and b",
    right: "def double_sum(a, b):\n    return 2 * (a + b)",
    wrong: "def double_sum(a, b):\n    return a - b - 1",
    tests: [
      [[1, 2], 6],
      [[4, 0], 8],
      [[-3, 5], 4],
    ],
    held: [
      [[10, 7], 34],
      [[-8, -9], -34],
      [[123, 1], 248],
    ],
  },
  {
    name: "count_vowels",
    task: "returns how many of the letters of the text s are vowels",
    right: "def count_vowels(s):\n    return sum(1 for c in s.lower() if c in 'aeiou')",
    wrong: "def count_vowels(s):\n    return len(s) + 1",
    tests: [
      [["hello"], 2],
      [["sky"], 0],
      [["Anna"], 2],
    ],
    held: [
      [["education"], 5],
      [["rhythm and blues"], 3],
      [["OUI"], 3],
    ],
  },
  {
    name: "largest_gap",
    task: "returns the difference between the largest and the smallest number of the list xs",
    right: "def largest_gap(xs):\n    return max(xs) - min(xs)",
    wrong: "def largest_gap(xs):\n    return -1",
    tests: [
      [[[1, 5, 3]], 4],
      [[[7]], 0],
      [[[-2, 2]], 4],
    ],
    held: [
      [[[10, -10, 4]], 20],
      [[[3, 3, 9]], 6],
      [[[100, 1, 50]], 99],
    ],
  },
  {
    name: "is_even_word",
    task: "returns whether the text s has an even number of letters",
    right: "def is_even_word(s):\n    return len(s) % 2 == 0",
    wrong: "def is_even_word(s):\n    return None",
    tests: [
      [["tree"], true],
      [["cat"], false],
      [[""], true],
    ],
    held: [
      [["horses"], true],
      [["a"], false],
      [["mouse"], false],
    ],
  },
];

const format: readonly string[] = [
  "Think about it between <think> and </think>, then answer between <answer> and </answer>: what is 17 + 26?",
  "First reason inside <think></think>, then give the result inside <answer></answer>: what is 12 times 8?",
  "Use exactly one <think> block followed by exactly one <answer> block: how many days has a week?",
  "Put your reasoning in think tags and the final answer in answer tags: what is 100 minus 37?",
];

const base = { extra: {}, candidates: [] as readonly string[] };
const upTo = (n: number) => Array.from({ length: n }, (_, i) => String(i));

/** The built-in problems of a kind. */
export function builtinProblems(kind: ProblemKind): readonly Problem[] {
  const id = (i: number) => `${kind}-${i + 1}`;
  switch (kind) {
    case "math":
      return math.map(([prompt, answer, near, far, reasoning], i) => ({
        ...base,
        id: id(i),
        kind,
        prompt,
        answer,
        near,
        far,
        reasoning,
        reference: answer,
        candidates: upTo(101),
      }));
    case "choice":
      return choice.map(([question, options, answer], i) => {
        const letters = ["A", "B", "C", "D"];
        const wrong = letters[(letters.indexOf(answer) + 1) % 4];
        return {
          ...base,
          id: id(i),
          kind,
          answer,
          near: wrong,
          far: wrong,
          reference: answer,
          candidates: letters,
          prompt: `${question}\n${options.map((option, k) => `${letters[k]}. ${option}`).join("\n")}`,
          reasoning: "comparing what is known about each of the options leaves only one that fits.",
        };
      });
    case "text":
      return text.map(([prompt, answer, wrong], i) => ({
        ...base,
        id: id(i),
        kind,
        prompt,
        answer,
        near: wrong,
        far: wrong,
        reference: answer,
        reasoning: "this is common knowledge and needs no long thought.",
        candidates: text.flatMap(([, one, other]) => [one, other]),
      }));
    case "chat":
      return chat.map(([prompt, answer, wrong, facts], i) => ({
        ...base,
        id: id(i),
        kind,
        prompt,
        answer,
        near: wrong,
        far: wrong,
        reference: answer,
        reasoning: "",
        hidden: { facts },
      }));
    case "code":
      return code.map(({ name, task, right, wrong, tests, held }, i) => {
        const calls = (list: CodeProblem["tests"]) => list.map(([args, expected]) => ({ call: name, args, expected }));
        const python = (body: string) => `\`\`\`python\n${body}\n\`\`\``;
        const shown = tests
          .slice(0, 2)
          .map(
            ([args, expected]) =>
              `${name}(${args.map((one) => JSON.stringify(one)).join(", ")}) == ${JSON.stringify(expected)}`,
          );
        return {
          ...base,
          id: id(i),
          kind,
          answer: python(right),
          near: python(wrong),
          far: python(wrong),
          reasoning: "",
          reference: right,
          prompt: `Write a Python function ${name} that ${task}. Examples: ${shown.join("; ")}.`,
          extra: { tests: calls(tests) },
          hidden: { tests: calls([...tests, ...held]) },
        };
      });
    case "format":
      return format.map((prompt, i) => ({
        ...base,
        id: id(i),
        kind,
        prompt,
        answer: "43",
        near: "42",
        far: "42",
        reference: "43",
        reasoning: "Adding the parts gives the result.",
      }));
  }
}
