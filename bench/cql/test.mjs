// Every rule on small bundles: npm test
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { Her2 } from "./her2.mjs";

const SNOMED = { positive: "10828004", negative: "260385009" };
const LOINC = { ihc: "85319-2", oldIhc: "18474-7", ratio: "49683-6", copies: "74860-8", cep17: "74861-6", ish: "85318-4" };

// A result: a number is a Quantity, a word of SNOMED its code, other text a string, an object stands for itself.
function observation(name, value, more = {}) {
  const shaped =
    typeof value === "number"
      ? { valueQuantity: { value } }
      : SNOMED[value]
        ? { valueCodeableConcept: { coding: [{ system: "http://snomed.info/sct", code: SNOMED[value] }] } }
        : typeof value === "string"
          ? { valueString: value }
          : value;
  return {
    resourceType: "Observation",
    status: "final",
    code: { coding: [{ system: "http://loinc.org", code: LOINC[name] ?? name }] },
    effectiveDateTime: "2024-03-01",
    ...shaped,
    ...more,
  };
}

const bundle = (observations) => ({
  resourceType: "Bundle",
  type: "collection",
  entry: [{ resource: { resourceType: "Patient", id: "p" } }, ...observations.map((resource) => ({ resource }))],
});
const from = (values) => Object.entries(values).map(([name, value]) => observation(name, value));
const engines = { null: new Her2(), changed: new Her2("changed"), unchanged: new Her2("unchanged") };
const review = (observations, recount = null) => engines[recount].review(bundle(observations));

const GROUPS = {
  1: { ratio: 2.0, copies: 4.0 },
  2: { ratio: 2.0, copies: 3.9 },
  3: { ratio: 1.99, copies: 6.0 },
  4: { ratio: 1.9, copies: 5.9 },
  5: { ratio: 1.9, copies: 3.9 },
};

test("the status of every IHC score with every group", async () => {
  const expected = {
    none: { none: null, 1: "positive", 2: null, 3: null, 4: null, 5: "negative" },
    0: { none: "negative", 1: "positive", 2: "negative", 3: "negative", 4: "negative", 5: "negative" },
    "1+": { none: "negative", 1: "positive", 2: "negative", 3: "negative", 4: "negative", 5: "negative" },
    "2+": { none: "equivocal", 1: "positive", 2: null, 3: null, 4: null, 5: "negative" },
    "3+": { none: "positive", 1: "positive", 2: "positive", 3: "positive", 4: "positive", 5: "positive" },
  };
  for (const [ihc, statuses] of Object.entries(expected)) {
    for (const [group, status] of Object.entries(statuses)) {
      const got = await review(from({ ...(ihc === "none" ? {} : { ihc }), ...GROUPS[group] }));
      assert.deepEqual([got.status, got.group], [status, GROUPS[group] ? Number(group) : null], `IHC ${ihc}, group ${group}`);
    }
  }
});

test("the recount decides IHC 2+ in groups 2, 3 and 4 only", async () => {
  const unchanged = { 1: "positive", 2: "negative", 3: "positive", 4: "negative", 5: "negative" };
  const changed = { 1: "positive", 2: "adjudicate", 3: "adjudicate", 4: "adjudicate", 5: "negative" };
  for (const group of Object.keys(GROUPS)) {
    const observations = from({ ihc: "2+", ...GROUPS[group] });
    assert.equal((await review(observations, "unchanged")).status, unchanged[group], `group ${group}, unchanged`);
    assert.equal((await review(observations, "changed")).status, changed[group], `group ${group}, changed`);
  }
  assert.equal((await review(from({ ihc: "1+", ...GROUPS[4] }), "changed")).status, "negative");
  assert.equal((await review(from({ ihc: "3+", ...GROUPS[4] }), "changed")).status, "positive");
  assert.equal((await review(from({ ihc: "2+" }), "changed")).status, "equivocal");
});

test("next step and expression", async () => {
  const cases = [
    [{}, "report IHC score", null],
    [{ ihc: "positive" }, "report IHC score", null],
    [{ ihc: "0" }, "none", "null-like"],
    [{ ihc: "1+" }, "none", "low"],
    [{ ihc: "2+" }, "ISH on the same specimen, or a new test on another", null],
    [{ ihc: "2+", ...GROUPS[5] }, "none", "low"],
    [{ ihc: "3+" }, "none", "positive"],
    [GROUPS[1], "none", "positive"],
    [GROUPS[5], "none", null],
    [GROUPS[2], "IHC on the specimen used for ISH", null],
    [{ ihc: "2+", ...GROUPS[3] }, "second observer counts at least 20 cells, blinded", null],
    [{ ihc: "2+", ratio: 2.1 }, "report HER2 copies per nucleus", null],
    [{ ihc: "2+", copies: 5 }, "report HER2/CEP17 ratio", null],
    [{ ihc: "2+", ish: "positive" }, "report HER2/CEP17 ratio and HER2 copies per nucleus", null],
    [{ ihc: "2+", ratio: 1.5, copies: "> 4" }, "report exact HER2/CEP17 ratio and HER2 copies per nucleus", null],
  ];
  for (const [values, step, expression] of cases) {
    const got = await review(from(values));
    assert.deepEqual([got.next_step, got.expression], [step, expression], JSON.stringify(values));
  }
  assert.equal((await review(from({ ihc: "2+", ...GROUPS[2] }), "changed")).next_step, "settle the count by the internal procedure");
  assert.equal((await review(from({ ihc: "2+", ...GROUPS[2] }), "unchanged")).expression, "low");
  assert.equal((await review(from({ ihc: "2+", ...GROUPS[3] }), "unchanged")).expression, "positive");
});

test("how a score may be written", async () => {
  const concept = (text, ...codes) => ({
    valueCodeableConcept: { text, coding: codes.map(([code, display]) => ({ system: "http://example.org", code, display })) },
  });
  const cases = [
    ["3+", "positive"],
    [" 3 + ", "positive"],
    ["IHC 3+", "positive"],
    ["HER2 score: 3+", "positive"],
    ["3", "positive"],
    [concept("3+"), "positive"],
    [concept(undefined, ["x", "3+"]), "positive"],
    [concept(undefined, ["3+"]), "positive"],
    [concept("3+", ["x", "2+"]), null],
    [concept(undefined, ["3", "equivocal"]), null],
    ["1+2", null],
    ["2-3+", null],
    ["13+", null],
    ["4+", null],
    ["pending", null],
    ["positive", null],
    ["negative", null],
  ];
  for (const [value, status] of cases) {
    assert.equal((await review([observation("ihc", value)])).status, status, JSON.stringify(value));
    assert.equal((await review([observation("oldIhc", value)])).status, status, JSON.stringify(value));
  }
});

test("limits are used as far as they go", async () => {
  const cases = [
    [{ ratio: "2.5", copies: "4.1" }, 1],
    [{ ratio: "> 2.2", copies: ">= 4" }, 1],
    [{ ratio: "greater than 2.2", copies: 3.5 }, 2],
    [{ ratio: "<2.0", copies: ">6" }, 3],
    [{ ratio: "<=2.0", copies: 7 }, null],
    [{ ratio: "< 2.5", copies: 7 }, null],
    [{ ratio: "1.5", copies: "> 4" }, null],
    [{ ratio: "1.5", copies: "< 4" }, 5],
    [{ ratio: { valueQuantity: { value: 2.0, comparator: "<" } }, copies: 3 }, 5],
    [{ ratio: { valueQuantity: { value: 2.0, comparator: ">=" } }, copies: 3 }, 2],
    [{ ratio: "about 2.5", copies: 5 }, null],
    [{ ratio: "1.8-2.2", copies: 5 }, null],
    [{ ish: "less than 1.8", copies: 3 }, 5],
    [{ ish: "less than 1.8", copies: 5 }, 4],
    [{ ish: "less than 1.8", copies: 8 }, 3],
    [{ ish: "greater than 2.2", copies: 3 }, 2],
    [{ ish: "Greater than 2.2", copies: 8 }, 1],
    [{ ish: "greater than 6", copies: 8 }, null],
    [{ ish: "less than 1.8" }, null],
    [{ ish: "greater than 2.2" }, null],
    [{ ish: "negative", copies: 3 }, null],
    [{ ish: "less than 1.8", ratio: 2.4, copies: 5 }, 1],
    [{ copies: 6, cep17: 3 }, 1],
    [{ copies: 6, cep17: 3.1 }, 3],
    [{ copies: 6, cep17: 0 }, null],
    [{ copies: "> 6", cep17: 2 }, null],
  ];
  for (const [values, group] of cases) {
    assert.equal((await review(from(values))).group, group, JSON.stringify(values));
  }
  const apart = [observation("copies", 6, { effectiveDateTime: "2024-01-01" }), observation("cep17", 3)];
  assert.equal((await review(apart)).group, null);
});

test("an ISH result that gives no group leaves the status open, except with 3+", async () => {
  for (const ish of ["positive", "negative", "less than 1.8", "greater than 2.2", "not interpretable"]) {
    for (const [ihc, status] of [["0", null], ["1+", null], ["2+", null], ["3+", "positive"]]) {
      assert.equal((await review(from({ ihc, ish }))).status, status, `${ihc}, ${ish}`);
    }
  }
});

test("the most recent result that counts is used", async () => {
  const at = (effectiveDateTime, value, more = {}) => observation("ihc", value, { effectiveDateTime, ...more });
  const cases = [
    [[at("2023-01-01", "3+"), at("2024-01-01", "1+")], "negative"],
    [[at("2024-01-01", "1+"), at("2023-01-01", "3+")], "negative"],
    [[at("2024-01-01", "3+"), at("2024-02-01", "1+", { status: "preliminary" })], "positive"],
    [[at("2024-01-01", "3+"), at("2024-02-01", "1+", { status: "entered-in-error" })], "positive"],
    [[at("2024-01-01", "3+"), at("2024-02-01", "1+", { status: "amended" })], "negative"],
    [[at("2024-01-01", "3+"), at("2024-02-01", "1+", { status: "corrected" })], "negative"],
    [[at("2024-01-01", "3+"), at("2024-02-01", {})], "positive"],
    [[at("2024-01-01", "3+"), at("2024-02-01", "negative")], null],
    [[at("2024-01-01", "3+"), at("2024-01-01", "positive")], "positive"],
    [[at("2024-01-01", "3+"), at("2024-01-01", "1+")], null],
    [[at("2024-01-01", "3+"), at("2024-01-01", "3+")], "positive"],
    [[at(undefined, "3+"), at("2024-01-01", "1+")], "negative"],
    [[at(undefined, "3+")], "positive"],
    // The same evening in two time zones: 23:30 in UTC-5 is later than 03:00 UTC of the next day.
    [[at("2024-01-01T23:30:00-05:00", "3+"), at("2024-01-02T03:00:00Z", "1+")], "positive"],
    // A year or a month counts from its start.
    [[at("2024", "3+"), at("2024-01-05", "1+")], "negative"],
    [[at("2024-06", "3+"), at("2024-01-05T10:00:00Z", "1+")], "positive"],
    [[at(undefined, "3+", { effectivePeriod: { start: "2024-02-01", end: "2024-02-02" } }), at("2024-01-05", "1+")], "positive"],
    [[at(undefined, "3+", { effectiveInstant: "2024-02-01T00:00:00Z" }), at("2024-01-05", "1+")], "positive"],
    [[at(undefined, "3+", { issued: "2024-02-01T00:00:00Z" }), at("2024-01-05", "1+")], "positive"],
  ];
  for (const [index, [observations, status]] of cases.entries()) {
    const records = observations.map((record) => JSON.parse(JSON.stringify(record)));
    assert.equal((await review(records)).status, status, `case ${index + 1}`);
  }
});

test("codes: two codings of one observation, other systems, other observations", async () => {
  const both = observation("ihc", "3+");
  both.code.coding.unshift({ system: "http://loinc.org", code: "48676-1" });
  assert.equal((await review([both])).status, "positive");
  const foreign = observation("ihc", "3+");
  foreign.code.coding[0].system = "http://example.org";
  assert.equal((await review([foreign])).status, null);
  const untyped = { ...observation("ihc", "3+"), code: { text: "HER2" } };
  assert.equal((await review([untyped, observation("29463-7", 70)])).status, null);
});

test("the translated library is that of the CQL", () => {
  const translate = fileURLToPath(new URL("translate.mjs", import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, [translate, "--check"], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
});
