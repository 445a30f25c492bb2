// Times jsonata.js: reads {"document": any, "expressions": [text]} and writes nanoseconds an evaluation, one for each.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const jsonata = createRequire(process.argv.at(-1) + "/")("jsonata");
const { document, expressions } = JSON.parse(readFileSync(0));

async function time(expression, milliseconds) {
  const end = performance.now() + milliseconds;
  const began = performance.now();
  let n = 0;
  for (; performance.now() < end; n++) await expression.evaluate(document);
  return ((performance.now() - began) * 1e6) / n;
}

const figures = [];
for (const text of expressions) {
  const expression = jsonata(text);
  await time(expression, 400); // until it is compiled for good
  figures.push(Math.min(await time(expression, 200), await time(expression, 200)));
}
console.log(JSON.stringify(figures));
