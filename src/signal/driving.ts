/** Rewards of driving: comfort limits, soft penalties with their counters, the shaped baseline. */
import { z } from "zod";
import { flags, shaped, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { expectLength } from "../core/shapes.ts";
import { lastDerivative, smooth } from "./savitzky-golay.ts";

const limits: readonly (readonly [lowest: number, highest: number])[] = [
  [-4.05, 2.4],
  [-4.89, 4.89],
  [-8.37, 8.37],
  [-4.13, 4.13],
  [-0.95, 0.95],
  [-1.93, 1.93],
];

const frames = 15;
const framesToJudge = 8;

/**
 * Six comfort limits at the last of the recorded frames (CaRL, arXiv 2504.17838; nuPlan's limits).
 *
 * In order: longitudinal acceleration (−4.05 … 2.40 m/s²), lateral acceleration (±4.89), jerk of the acceleration's
 * magnitude (±8.37 m/s³), longitudinal jerk (±4.13), yaw rate (±0.95 rad/s), yaw acceleration (±1.93 rad/s²). Histories
 * are in m/s² and rad, oldest first, one sample per `timeStep`; the latest 15 count, fewer than 8 are not judged (values
 * null, no violation). Accelerations are smoothed by Savitzky–Golay (window min(8, n), order 2); jerk is the derivative of
 * the smoothed signal (window min(15, n), order 2); yaw, unwrapped, uses window 5 with order 2 for the rate and order 3
 * for the acceleration. All at the last frame.
 */
export const comfortViolations = definePart({
  id: "signal/comfort-violations",
  papers: ["carl"],
  params: z.object({ timeStep: z.number().positive().default(0.1).describe("seconds between frames") }),
  inputs: z.object({
    longitudinal: vector("T", "longitudinal acceleration, m/s²"),
    lateral: vector("T", "lateral acceleration, m/s²"),
    magnitude: vector("T", "magnitude of the acceleration, m/s²"),
    yaw: vector("T", "heading, rad"),
  }),
  outputs: z.object({
    values: shaped(z.array(z.number().nullable()), "6", "the six signals at the last frame; null: too few frames"),
    violations: flags("6", "outside of its limits"),
  }),
  compute({ timeStep }, { longitudinal, lateral, magnitude, yaw }) {
    const n = longitudinal.length;
    for (const [name, history] of Object.entries({ lateral, magnitude, yaw })) expectLength(history, n, name);
    if (n < framesToJudge) return { values: limits.map(() => null), violations: limits.map(() => false) };
    const count = Math.min(frames, n);
    const latest = (history: ArrayLike<number>) => Float64Array.from(history).subarray(n - count);
    const forward = smooth(latest(longitudinal), 8, 2);
    const sideways = smooth(latest(lateral), 8, 2);
    const total = smooth(latest(magnitude), 8, 2);
    const heading = unwrap(latest(yaw));
    const values = [
      forward[count - 1],
      sideways[count - 1],
      lastDerivative(total, count, 2, 1, timeStep),
      lastDerivative(forward, count, 2, 1, timeStep),
      lastDerivative(heading, 5, 2, 1, timeStep),
      lastDerivative(heading, 5, 3, 2, timeStep),
    ];
    return { values, violations: values.map((value, k) => value < limits[k][0] || value > limits[k][1]) };
  },
});

/** Angles without jumps of whole turns. */
function unwrap(angles: Float64Array): Float64Array {
  const turn = 2 * Math.PI;
  let turns = 0;
  return angles.map((angle, i) => {
    if (i > 0) turns += Math.round((angle - angles[i - 1]) / turn);
    return angle - turn * turns;
  });
}

const penaltyState = z.object({
  comfortTicks: z.array(z.number().nonnegative()).describe("ticks left of each comfort penalty"),
  ttcTicks: z.number().nonnegative().describe("ticks left of the time-to-collision penalty"),
  laneCounter: z.number().nonnegative().describe("ticks off the lane's centre, falling back one per good tick"),
});

/**
 * Soft penalty factors of a drive, each in [0, 1] per tick, with their counters (CaRL, arXiv 2504.17838, sec. 4).
 *
 * speed: max(0, 1 − over/`overspeed`), over = m/s above the limit · comfort: 1 − `comfortFactor`·armed/6, each violation
 * arms its own counter for `comfortTicks` ticks, this one included · ttc: 0.5 for `ttcTicks` ticks from a violation on ·
 * lane: outside junctions a counter rises with each tick whose |offset| exceeds `laneTolerance` and falls by one
 * otherwise; 0.5 while it is above `laneTicks`; inside junctions it rests and the factor is 1 · outsideLanes: 0 outside of
 * the route's lanes. Counters come and go in `state`: without them the problem is partially observed.
 */
export const drivingPenalties = definePart({
  id: "signal/driving-penalties",
  papers: ["carl"],
  params: z.object({
    laneTolerance: z.number().nonnegative().default(0.5).describe("m"),
    laneTicks: z.number().nonnegative().default(30).describe("ticks off centre that are tolerated"),
    overspeed: z.number().positive().default(2.23).describe("m/s above the limit at which nothing is paid"),
    comfortTicks: z.number().nonnegative().default(500).describe("length of a comfort penalty"),
    comfortFactor: z.number().default(0.5).describe("loss with all six limits violated"),
    ttcTicks: z.number().nonnegative().default(500).describe("length of a time-to-collision penalty"),
  }),
  inputs: z.object({
    speeds: vector("T", "m/s"),
    speedLimits: vector("T", "m/s"),
    laneOffsets: vector("T", "signed distance to the lane's centre, m"),
    inJunction: flags("T", "inside a junction"),
    comfortViolations: shaped(z.array(z.array(z.boolean())), "T×6", "from signal/comfort-violations"),
    ttcViolations: flags("T", "time to collision too short"),
    outsideLanes: flags("T", "outside of the route's lanes"),
    state: penaltyState.optional(),
  }),
  outputs: z.object({
    penalties: z.record(z.string(), vector("T", "factor per tick")).describe("speed, comfort, lane, ttc, outsideLanes"),
    state: penaltyState,
  }),
  compute(params, inputs) {
    const {
      speeds,
      speedLimits,
      laneOffsets,
      inJunction,
      comfortViolations: comfort,
      ttcViolations,
      outsideLanes,
    } = inputs;
    const n = speeds.length;
    for (const [name, values] of Object.entries({
      speedLimits,
      laneOffsets,
      inJunction,
      ttcViolations,
      outsideLanes,
    })) {
      expectLength(values, n, name);
    }
    expectLength(comfort, n, "comfortViolations");
    const comfortTicks = Array.from(inputs.state?.comfortTicks ?? limits.map(() => 0));
    expectLength(comfortTicks, limits.length, "state.comfortTicks");
    let ttcTicks = inputs.state?.ttcTicks ?? 0;
    let laneCounter = inputs.state?.laneCounter ?? 0;
    const factors = () => new Float64Array(n).fill(1);
    const penalties = {
      speed: factors(),
      comfort: factors(),
      lane: factors(),
      ttc: factors(),
      outsideLanes: factors(),
    };
    for (let t = 0; t < n; t++) {
      const over = Math.max(0, speeds[t] - speedLimits[t]);
      penalties.speed[t] = Math.max(0, 1 - over / params.overspeed);
      expectLength(comfort[t], limits.length, `comfortViolations[${t}]`);
      let armed = 0;
      for (let k = 0; k < limits.length; k++) {
        comfortTicks[k] = comfort[t][k] ? params.comfortTicks : Math.max(0, comfortTicks[k] - 1);
        if (comfortTicks[k] > 0) armed++;
      }
      penalties.comfort[t] = 1 - (params.comfortFactor * armed) / limits.length;
      ttcTicks = ttcViolations[t] ? params.ttcTicks : Math.max(0, ttcTicks - 1);
      if (ttcTicks > 0) penalties.ttc[t] = 0.5;
      if (!inJunction[t]) {
        laneCounter = Math.abs(laneOffsets[t]) > params.laneTolerance ? laneCounter + 1 : Math.max(0, laneCounter - 1);
        if (laneCounter > params.laneTicks) penalties.lane[t] = 0.5;
      }
      if (outsideLanes[t]) penalties.outsideLanes[t] = 0;
    }
    return { penalties, state: { comfortTicks, ttcTicks, laneCounter } };
  },
});

const distance = z.number().nullish();
const offsets = { vehicle: 8, pedestrian: 6, redLight: 5, stopSign: 5 };

/**
 * Shaped driving reward of Roach, the baseline of CaRL (arXiv 2108.08265; as given in arXiv 2504.17838).
 *
 * r = 1 − |v − v_des|/v_max − 0.5|d| − |Δψ| − 0.1·1[|Δsteer| > 0.01] + terminal; v_des = v_max·min over hazards of
 * clip(distance − offset, 0, 5)/5 with offsets 8 m vehicle, 6 m pedestrian, 5 m red light and stop sign. An `event` that
 * ends the episode costs 1; collision, redLight and stopSign cost the speed (m/s) besides.
 */
export const roachReward = definePart({
  id: "signal/roach-reward",
  papers: ["carl"],
  params: z.object({ maxSpeed: z.number().positive().default(6).describe("v_max, m/s") }),
  inputs: z.object({
    speed: z.number().describe("v, m/s"),
    lateralDistance: z.number().describe("d, m to the route"),
    angle: z.number().describe("Δψ, rad to the route's heading"),
    steer: z.number(),
    previousSteer: z.number(),
    hazards: z
      .object({ vehicle: distance, pedestrian: distance, redLight: distance, stopSign: distance })
      .describe("m to the nearest hazard of each kind; absent or null: none"),
    event: z.string().nullable().optional().describe("what ended the episode: collision, redLight, stopSign, other"),
  }),
  outputs: z.object({
    components: z.record(z.string(), z.number()).describe("desiredSpeed, speed, position, rotation, action, terminal"),
    reward: z.number(),
  }),
  compute({ maxSpeed }, { speed, lateralDistance, angle, steer, previousSteer, hazards, event }) {
    let free = 1;
    for (const kind of ["vehicle", "pedestrian", "redLight", "stopSign"] as const) {
      const metres = hazards[kind];
      if (metres !== undefined && metres !== null)
        free = Math.min(free, Math.min(Math.max(metres - offsets[kind], 0), 5) / 5);
    }
    const desiredSpeed = maxSpeed * free;
    const costly = event === "collision" || event === "redLight" || event === "stopSign";
    const components = {
      desiredSpeed,
      speed: 1 - Math.abs(speed - desiredSpeed) / maxSpeed,
      position: -0.5 * Math.abs(lateralDistance),
      rotation: -Math.abs(angle),
      action: Math.abs(steer - previousSteer) > 0.01 ? -0.1 : 0,
      terminal: event === undefined || event === null ? 0 : -1 - (costly ? speed : 0),
    };
    const { speed: pace, position, rotation, action, terminal } = components;
    return { components, reward: pace + position + rotation + action + terminal };
  },
});
