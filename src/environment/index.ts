export * from "./diffusion-sampler.ts";
export * from "./flow-sampler.ts";
export * from "./gaussian-step.ts";
export * from "./value-iteration.ts";
