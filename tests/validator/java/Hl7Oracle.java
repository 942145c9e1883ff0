import java.util.ArrayList;
import java.util.HashSet;
import org.hl7.fhir.r5.elementmodel.Manager.FhirFormat;
import org.hl7.fhir.r5.formats.JsonParser;
import org.hl7.fhir.r5.model.OperationOutcome;
import org.hl7.fhir.r5.utils.validation.constants.BestPracticeWarningLevel;
import org.hl7.fhir.r5.utils.validation.constants.ReferenceValidationPolicy;
import org.hl7.fhir.utilities.FhirPublication;
import org.hl7.fhir.validation.ValidationEngine;
import org.hl7.fhir.validation.instance.advisor.BasePolicyAdvisorForFullValidation;

/** HL7's own engine, the one behind the official validator, without a terminology server. Arguments: NAME#VERSION... */
final class Hl7Oracle {
  private Hl7Oracle() {}

  public static void main(String[] packages) throws Exception {
    Service.run(() -> {
      ValidationEngine engine = load(packages);
      return json -> judge(engine, json);
    });
  }

  private static ValidationEngine load(String[] packages) throws Exception {
    ValidationEngine engine = new ValidationEngine.ValidationEngineBuilder()
        .withVersion("4.0.1")
        .withNoTerminologyServer()
        .fromSource("hl7.fhir.r4.core#4.0.1");
    engine.setTerminologyServer(null, null, FhirPublication.R4, false);
    for (String name : packages) {
      engine.getIgLoader().loadIg(engine.getIgs(), engine.getBinaries(), name, false);
    }
    engine.setAnyExtensionsAllowed(false);
    engine.setAllowExampleUrls(false); // what we ship must not point at example.org
    engine.setAssumeValidRestReferences(true);
    engine.setBestPracticeLevel(BestPracticeWarningLevel.Ignore);
    engine.setPolicyAdvisor(
        new BasePolicyAdvisorForFullValidation(ReferenceValidationPolicy.CHECK_TYPE_IF_EXISTS, new HashSet<>()));
    engine.prepare();
    return engine;
  }

  private static String judge(ValidationEngine engine, byte[] json) throws Exception {
    OperationOutcome outcome = engine.validate(json, FhirFormat.JSON, new ArrayList<>(), new ArrayList<>());
    outcome.setText(null);
    return new JsonParser().composeString(outcome);
  }
}
