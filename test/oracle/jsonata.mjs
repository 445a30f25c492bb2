// Evaluates JSONata with jsonata.js itself. Reads a line of JSON for each case, {"expr": text, "data": any}, and writes
// one: {"value": any}, {"undefined": true}, {"function": true} or {"code": text}.
import { createInterface } from "node:readline";
import { createRequire } from "node:module";

const jsonata = createRequire(process.argv[2] + "/")("jsonata");

async function evaluate({ expr, data }) {
  try {
    const value = await jsonata(expr).evaluate(data);
    if (value === undefined) return { undefined: true };
    if (typeof value === "function" || value?._jsonata_lambda || value?._jsonata_function) return { function: true };
    return { value };
  } catch (e) {
    return { code: e.code ?? "none", message: String(e.message ?? e) };
  }
}

// A function within a result is written as jsonata's own $string does. NaN and a hole in an array, which no expression
// can mean, are told apart from null.
const plain = (key, v) => {
  if (v && (v._jsonata_lambda || v._jsonata_function || typeof v === "function")) return "";
  if (Number.isNaN(v) || (v === undefined && key !== "")) return "\u0000accident";
  return v;
};

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(JSON.stringify(await evaluate(JSON.parse(line)), plain) + "\n");
}
