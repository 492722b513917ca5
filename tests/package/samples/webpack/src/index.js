import * as wardkey from "wardkey";
import { report, scenario } from "../scenario.mjs";

report(scenario(wardkey));
