// Loads the translated library and runs it on one bundle at a time.
import { readFileSync } from "node:fs";
import cql from "cql-execution";
import cqlfhir from "cql-exec-fhir";

const elm = JSON.parse(readFileSync(new URL("her2-status.elm.json", import.meta.url), "utf8"));

export class Her2 {
  constructor(recount = null) {
    this.executor = new cql.Executor(new cql.Library(elm), new cql.CodeService({}), { Recount: recount });
    // One source for all patients: making a source reads the FHIR model again, which takes far longer than a patient.
    this.source = cqlfhir.PatientSource.FHIRv401();
  }

  async review(bundle) {
    this.source.reset();
    this.source.loadBundles([bundle]);
    const results = await this.executor.exec(this.source);
    const [patient] = Object.values(results.patientResults);
    return {
      status: patient["HER2 Status"] ?? null,
      group: patient["ISH Group"] ?? null,
      next_step: patient["Next Step"] ?? null,
      expression: patient["Expression Class"] ?? null,
    };
  }
}
