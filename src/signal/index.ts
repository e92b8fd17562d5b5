export { adversarialImitation } from "./adversarial-imitation.ts";
export { choiceAnswer } from "./choice-answer.ts";
export { exactMatch } from "./exact-match.ts";
export { jsonAnswer } from "./json-answer.ts";
export { mathAnswer } from "./math/math-answer.ts";
export { numericAnswer } from "./numeric-answer.ts";
export { regexMatch } from "./regex-match.ts";
export { tagFormat } from "./tag-format.ts";
