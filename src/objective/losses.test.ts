import { checkLosses } from "./check-losses.fixture.ts";
import { lossCases } from "./losses.fixture.ts";

checkLosses(lossCases("losses"));
