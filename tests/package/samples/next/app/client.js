"use client";
import { useEffect, useState } from "react";
import * as wardkey from "wardkey";
import * as testing from "wardkey/testing";
import { report, scenario } from "../scenario.mjs";

export function Client() {
  const [state, setState] = useState("to come");
  useEffect(() => {
    const result = scenario(wardkey, testing);
    report(result);
    result.then(() => setState("done"));
  }, []);
  return <p>in the browser: {state}</p>;
}
