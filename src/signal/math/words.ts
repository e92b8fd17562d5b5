/** Unit words and signs that may follow a number without changing it. Words of four letters or more need no entry. */
export const UNITS = new Set(
  (
    "cm mm km nm dm kg mg ml mL kL dL ft in yd mi oz lb lbs hr hrs min mins sec secs ms mph kph kmh km/h m/s rad deg day days " +
    "cup cups men pm am AM PM USD EUR GBP Hz kHz MHz kW kWh kJ kPa Pa mol pt pts gal sq cu cc box pcs kcal cal bps KB MB GB TB ha pct"
  ).split(" "),
);

/** Single letters that are a unit when they stand apart behind a number: `5 m`. */
export const UNIT_LETTERS = new Set(["m", "g", "s", "h", "L", "l", "N", "J", "W", "V", "A", "K", "C", "F"]);

/** Short words that are answers or talk, not products of variables. */
export const SHORT_WORDS = new Set([
  "yes",
  "no",
  "odd",
  "even",
  "one",
  "two",
  "six",
  "ten",
  "DNE",
  "dne",
  "the",
  "is",
  "are",
  "of",
  "to",
  "per",
  "red",
  "win",
  "not",
]);

export const FUNCTIONS = new Set(
  (
    "sin cos tan cot sec csc arcsin arccos arctan arccot arcsec arccsc sinh cosh tanh coth sech csch arcsinh arccosh arctanh arsinh arcosh artanh " +
    "asin acos atan ln log lg exp sqrt cbrt abs gcd lcm min max floor ceil sgn Re Im arg det deg"
  ).split(" "),
);

/** What may stand before a number without being part of the answer. */
export const LEADING_WORDS =
  /^(?:(?:the|final|answer|is|are|approximately|approx|about|roughly|around|exactly|total|of|a|an|equals?|therefore|so|thus|hence)[\s:.,]*)+$/i;

/** A word for arithmetic to refuse behind a number: `5 is wrong`. */
export const DENIALS =
  /\b(?:not|no|isn't|never|wrong|incorrect|false|except|or|and|but|unless|less|more|least|most|over|under|above|below)\b/i;
