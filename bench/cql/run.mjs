// Reviews every patient of an NDJSON file (one FHIR R4 bundle a line) and prints one line of JSON.
//   node run.mjs FILE [--limit N] [--recount changed|unchanged] [--each] [--memory]
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { Her2 } from "./her2.mjs";

const WARM_UP = 5;
const USAGE = "usage: node run.mjs FILE [--limit N] [--recount changed|unchanged] [--each] [--memory]";

function options() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        limit: { type: "string" }, // the first N patients only
        recount: { type: "string" }, // the second count of every patient in group 2, 3 or 4 with IHC 2+
        each: { type: "boolean" }, // a line of JSON for each patient, before the summary
        memory: { type: "boolean" }, // adds the peak memory to the summary
      },
    });
    const limit = values.limit === undefined ? Infinity : Number(values.limit);
    const wrong =
      positionals.length !== 1 ||
      !(limit === Infinity || (Number.isInteger(limit) && limit > 0)) ||
      ![undefined, "changed", "unchanged"].includes(values.recount);
    if (!wrong) return { ...values, limit, file: positionals[0] };
  } catch {
    // an unknown option
  }
  console.error(USAGE);
  process.exit(2);
}

async function load(file, limit) {
  const bundles = [];
  let line = 0;
  for await (const text of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    line += 1;
    if (text.trim() === "") continue;
    if (bundles.length >= limit) break;
    const bundle = JSON.parse(text);
    if (!bundle.entry?.some(({ resource }) => resource?.resourceType === "Patient")) {
      throw new Error(`${file}, line ${line}: not a bundle with a Patient`);
    }
    bundles.push(bundle);
  }
  return bundles;
}

const seconds = (from, to) => Number(((to - from) / 1000).toFixed(3));

const { file, limit, recount, each, memory } = options();
const start = performance.now();
const bundles = await load(file, limit);
const loaded = performance.now();

const her2 = new Her2(recount);
for (const bundle of bundles.slice(0, WARM_UP)) await her2.review(bundle);

const reviews = [];
const begun = performance.now();
for (const bundle of bundles) reviews.push(await her2.review(bundle));
const done = performance.now();

const statuses = {};
for (const [index, review] of reviews.entries()) {
  if (each) console.log(JSON.stringify({ patient: index + 1, ...review }));
  statuses[review.status] = (statuses[review.status] ?? 0) + 1;
}
console.log(
  JSON.stringify({
    patients: bundles.length,
    seconds_load: seconds(start, loaded),
    seconds_execute: seconds(begun, done),
    patients_per_second: Number(((1000 * bundles.length) / (done - begun)).toFixed(1)),
    statuses,
    ...(memory ? { peak_memory_mb: Math.round(process.resourceUsage().maxRSS / 1024) } : {}),
  }),
);
