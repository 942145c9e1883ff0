import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.context.support.ValidationSupportContext;
import ca.uhn.fhir.parser.LenientErrorHandler;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import org.hl7.fhir.common.hapi.validation.support.BaseValidationSupport;
import org.hl7.fhir.instance.model.api.IBaseResource;
import org.hl7.fhir.r4.model.MetadataResource;
import org.hl7.fhir.utilities.npm.NpmPackage;

/**
 * The definitions of FHIR packages and of single files, each parsed when first asked for; of two with one URL the first
 * wins. HAPI's own NpmPackageValidationSupport parses all at once, and only from the class path.
 */
final class LazyPackages extends BaseValidationSupport {
  private final Map<String, Callable<InputStream>> sources = new HashMap<>();
  private final Map<Callable<InputStream>, IBaseResource> parsed = new HashMap<>();
  private final IValidationSupport core;

  LazyPackages(FhirContext context, IValidationSupport core, String[] paths) throws Exception {
    super(context);
    this.core = core;
    for (String path : paths) {
      try (InputStream in = Files.newInputStream(Path.of(path))) {
        if (path.endsWith(".json")) {
          MetadataResource file = (MetadataResource) context.newJsonParser().parseResource(in);
          put(file.fhirType(), file.getUrl(), file.getVersion(), () -> Files.newInputStream(Path.of(path)));
        } else {
          index(NpmPackage.fromPackage(in));
        }
      }
    }
  }

  private void index(NpmPackage pack) throws Exception {
    for (var entry : pack.listIndexedResources("StructureDefinition", "ValueSet", "CodeSystem")) {
      put(entry.getResourceType(), entry.getUrl(), entry.getVersion(), () -> pack.load(entry));
    }
  }

  private void put(String type, String url, String version, Callable<InputStream> open) {
    sources.putIfAbsent(type + " " + url, open);
    sources.putIfAbsent(type + " " + url + "|" + version, open);
  }

  private Callable<InputStream> find(String type, String url) {
    Callable<InputStream> exact = sources.get(type + " " + url);
    // Packages name versions of each other that are not the ones here; another version is better than none.
    return exact != null || url == null ? exact : sources.get(type + " " + url.split("[|]")[0]);
  }

  private synchronized IBaseResource get(String type, String url) {
    Callable<InputStream> source = find(type, url);
    return source == null ? null : parsed.computeIfAbsent(source, this::parse);
  }

  private IBaseResource parse(Callable<InputStream> source) {
    var parser = getFhirContext().newJsonParser().setParserErrorHandler(new LenientErrorHandler(false));
    try (InputStream in = source.call()) {
      return parser.parseResource(in);
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public IBaseResource fetchStructureDefinition(String url) {
    // HAPI's own definitions are known without a version only.
    boolean isCore = url != null && url.endsWith("|4.0.1");
    return isCore ? core.fetchStructureDefinition(url.split("[|]")[0]) : get("StructureDefinition", url);
  }

  @Override
  public IBaseResource fetchValueSet(String url) {
    return get("ValueSet", url);
  }

  @Override
  public IBaseResource fetchCodeSystem(String url) {
    return get("CodeSystem", url);
  }

  @Override
  public boolean isCodeSystemSupported(ValidationSupportContext context, String url) {
    return find("CodeSystem", url) != null;
  }

  @Override
  public boolean isValueSetSupported(ValidationSupportContext context, String url) {
    return find("ValueSet", url) != null;
  }
}
