// Translates her2-status.cql to her2-status.elm.json. Run it after every change of the CQL.
// With --check it writes nothing, and fails if the ELM is not that of the CQL.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { SystemModelInfoProvider } from "@cqframework/cql/cql";
import * as cql from "@cqframework/cql/cql-to-elm";

const here = new URL(".", import.meta.url);
const modelInfo = createRequire(import.meta.url).resolve("cql-exec-fhir/lib/modelInfos/fhir-modelinfo-4.0.1.xml");

const models = new cql.ModelManager();
models.modelInfoLoader.registerModelInfoProvider(new SystemModelInfoProvider());
models.modelInfoLoader.registerModelInfoProvider(
  cql.createModelInfoProvider((id, _system, version) =>
    id === "FHIR" && version === "4.0.1" ? cql.stringAsSource(readFileSync(modelInfo, "utf8")) : null,
  ),
);
// No annotations, locators or result types: the file stays small and nothing extra is recorded at run time.
const options = new cql.CqlCompilerOptions();
options.setOptions([
  cql.CqlCompilerOptions.Options.DisableListDemotion,
  cql.CqlCompilerOptions.Options.DisableListPromotion,
]);
const libraries = new cql.LibraryManager(models, options);
const translator = cql.CqlTranslator.fromText(readFileSync(new URL("her2-status.cql", here), "utf8"), libraries);

for (const { message, locator } of translator.exceptions.asJsReadonlyArrayView()) {
  // The package shortens the names of a locator's fields; its first number is the line.
  const line = Object.values(locator ?? {}).find(Number.isInteger) ?? "?";
  console.error(`her2-status.cql:${line}: ${message}`);
}
if (translator.errors.asJsReadonlyArrayView().length > 0) process.exit(1);
const used = (key, value) => (key === "annotation" && value.length === 0 ? undefined : value);
const elm = JSON.stringify(JSON.parse(translator.toJson()), used) + "\n";
const target = new URL("her2-status.elm.json", here);
if (!process.argv.includes("--check")) {
  writeFileSync(target, elm);
} else if (readFileSync(target, "utf8") !== elm) {
  console.error("her2-status.elm.json is out of date: npm run translate");
  process.exit(1);
}
