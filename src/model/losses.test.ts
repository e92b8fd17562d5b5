import { checkLosses } from "../objective/check-losses.fixture.ts";
import { modelLossCases } from "./losses.fixture.ts";

checkLosses(modelLossCases("model losses"));
