import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.ConceptValidationOptions;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.context.support.ValidationSupportContext;
import ca.uhn.fhir.validation.FhirValidator;
import java.nio.charset.StandardCharsets;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.SnapshotGeneratingValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.UnknownCodeSystemWarningValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirDefaultPolicyAdvisor;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;
import org.hl7.fhir.instance.model.api.IBaseResource;
import org.hl7.fhir.r5.utils.validation.IResourceValidator;
import org.hl7.fhir.r5.utils.validation.constants.BestPracticeWarningLevel;
import org.hl7.fhir.r5.utils.validation.constants.ReferenceValidationPolicy;

/** The validator chain behind a HAPI server's $validate. Arguments: packages (.tgz) and definitions (.json). */
final class HapiOracle {
  private static final FhirContext CONTEXT = FhirContext.forR4();

  private HapiOracle() {}

  public static void main(String[] paths) throws Exception {
    Service.run(() -> {
      FhirValidator validator = CONTEXT.newValidator().registerValidatorModule(module(paths));
      return json -> judge(validator, json);
    });
  }

  private static FhirInstanceValidator module(String[] paths) throws Exception {
    FhirInstanceValidator module = new FhirInstanceValidator(chain(paths));
    module.setAnyExtensionsAllowed(false);
    module.setErrorForUnknownProfiles(true);
    module.setAssumeValidRestReferences(true);
    module.setBestPracticeWarningLevel(BestPracticeWarningLevel.Ignore);
    module.setValidatorResourceFetcher(new NoFetch());
    module.setValidatorPolicyAdvisor(new CheckReferences());
    return module;
  }

  private static ValidationSupportChain chain(String[] paths) throws Exception {
    IValidationSupport core = new DefaultProfileValidationSupport(CONTEXT);
    var unknown = new UnknownCodeSystemWarningValidationSupport(CONTEXT);
    unknown.setNonExistentCodeSystemSeverity(IValidationSupport.IssueSeverity.WARNING); // LOINC, SNOMED CT, RxNorm
    return new ValidationSupportChain(
        core,
        new LazyPackages(CONTEXT, core, paths),
        new CommonCodeSystemsTerminologyService(CONTEXT),
        new StrictDisplays(),
        unknown,
        new SnapshotGeneratingValidationSupport(CONTEXT));
  }

  private static String judge(FhirValidator validator, byte[] json) {
    var outcome = validator.validateWithResult(new String(json, StandardCharsets.UTF_8)).toOperationOutcome();
    return CONTEXT.newJsonParser().encodeResourceToString(outcome);
  }

  /** HAPI ignores references unless told otherwise; this checks the type of those that resolve. */
  private static final class CheckReferences extends FhirDefaultPolicyAdvisor {
    @Override
    public ReferenceValidationPolicy policyForReference(
        IResourceValidator validator, Object context, String path, String url, ReferenceDestinationType destination) {
      return ReferenceValidationPolicy.CHECK_TYPE_IF_EXISTS;
    }
  }

  /** HAPI compares no displays unless asked to; a wrong one is an error here. */
  private static final class StrictDisplays extends InMemoryTerminologyServerValidationSupport {
    StrictDisplays() {
      super(CONTEXT);
      setIssueSeverityForCodeDisplayMismatch(IssueSeverity.ERROR);
    }

    @Override
    public CodeValidationResult validateCode(
        ValidationSupportContext context, ConceptValidationOptions options,
        String system, String code, String display, String valueSet) {
      return super.validateCode(context, options.setValidateDisplay(true), system, code, display, valueSet);
    }

    @Override
    public CodeValidationResult validateCodeInValueSet(
        ValidationSupportContext context, ConceptValidationOptions options,
        String system, String code, String display, IBaseResource valueSet) {
      return super.validateCodeInValueSet(context, options.setValidateDisplay(true), system, code, display, valueSet);
    }
  }
}
