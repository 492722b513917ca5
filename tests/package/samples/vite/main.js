import * as wardkey from "wardkey";
import * as testing from "wardkey/testing";
import { report, scenario } from "./scenario.mjs";

report(scenario(wardkey, testing));
