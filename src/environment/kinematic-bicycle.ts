import { z } from "zod";
import { shaped } from "../core/fields.ts";
import { definePart } from "../core/part.ts";

/** Calibrated to a vehicle of the CARLA simulator: metres, m/s², radians per unit of steering. */
const frontWheelBase = -0.090769015;
const rearWheelBase = 1.4178275;
const steeringGain = 0.36848336;
const brakeAcceleration = -4.952399;
const throttleAcceleration = 0.5633837;

/**
 * Kinematic bicycle model, used to forecast a vehicle (World on Rails, arXiv 2105.00636; CaRL, 2504.17838).
 *
 * β = atan(l_r/(l_f + l_r)·tan(gain·steer)); x += v cos(ψ + β)Δt, y += v sin(ψ + β)Δt, ψ += v/l_r·sin β·Δt, v = max(0, v + aΔt), each from
 * the values before the step. a is the brake's deceleration where brake > 0, else throttle × 0.563 m/s². Steer in [−1, 1], throttle in [0, 1].
 * `trajectory`: [x, y, ψ, v] after each action; metres, radians, m/s.
 */
export const kinematicBicycle = definePart({
  id: "environment/kinematic-bicycle",
  papers: ["carl"],
  params: z.object({ timeStep: z.number().positive().default(0.1).describe("Δt, seconds") }),
  inputs: z.object({
    position: z.tuple([z.number(), z.number()]).describe("[x, y], metres"),
    yaw: z.number().describe("ψ, radians"),
    speed: z.number().nonnegative().describe("v, m/s"),
    actions: shaped(z.array(z.tuple([z.number(), z.number(), z.number()])), "T", "[steer, throttle, brake] each"),
  }),
  outputs: z.object({
    trajectory: shaped(z.array(z.array(z.number())), "T×4", "[x, y, yaw, speed] after each action"),
  }),
  compute({ timeStep }, { position, yaw, speed, actions }) {
    let [x, y] = position;
    let heading = yaw;
    let v = speed;
    const trajectory = actions.map(([steer, throttle, brake]) => {
      const acceleration = brake > 0 ? brakeAcceleration : throttleAcceleration * throttle;
      const slip = Math.atan((rearWheelBase / (frontWheelBase + rearWheelBase)) * Math.tan(steeringGain * steer));
      x += v * Math.cos(heading + slip) * timeStep;
      y += v * Math.sin(heading + slip) * timeStep;
      heading += (v / rearWheelBase) * Math.sin(slip) * timeStep;
      v = Math.max(0, v + acceleration * timeStep);
      return [x, y, heading, v];
    });
    return { trajectory };
  },
});
