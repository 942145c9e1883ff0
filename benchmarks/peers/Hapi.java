// HAPI FHIR's model of R4: resources built by setters as a programmer would, and encoded by its JSON parser.
//
// The protocol is serving.py's: lines of JSON on stdin and stdout. `time` counts the CPU time of this thread; other threads
// (garbage collection, the JIT compiler) are not in it, which is in its favour.

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.parser.IParser;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.hl7.fhir.r4.model.*;

public class Hapi {
    private static final ObjectMapper JSON = new ObjectMapper()
        .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
        .setNodeFactory(JsonNodeFactory.withExactBigDecimals(true));
    private static final FhirContext CONTEXT = FhirContext.forR4();
    private static final int WARM_UP = 2000;

    private final JsonNode tables;
    private final String system;
    private final byte[] namespace;
    private Bundle bundle;
    private String id;

    private Hapi(JsonNode tables) {
        this.tables = tables;
        this.system = tables.get("system").asText();
        this.namespace = HexFormat.of().parseHex(tables.get("namespace").asText());
    }

    public static void main(String[] args) throws Exception {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        System.setOut(System.err);
        Hapi hapi = null;
        List<JsonNode> cases = new ArrayList<>();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            JsonNode request = JSON.readTree(line);
            ObjectNode answer = JSON.createObjectNode();
            switch (request.get("do").asText()) {
                case "load" -> {
                    hapi = new Hapi(request.get("tables"));
                    cases.clear();
                    for (JsonNode text : request.get("texts")) cases.add(JSON.readTree(text.asText()));
                    for (int i = 0; i < WARM_UP; i++) hapi.convert(cases.get(i % cases.size()));
                    answer.put("ready", ca.uhn.fhir.util.VersionUtil.getVersion());
                }
                case "time" -> {
                    long start = cpu();
                    for (JsonNode facts : cases) hapi.convert(facts);
                    answer.put("cpu", (cpu() - start) / 1e3 / cases.size());
                }
                default -> {
                    try {
                        String made = new Hapi(request.get("tables")).convert(JSON.readTree(request.get("text").asText()));
                        answer.put("made", made).putArray("notes");
                    } catch (RuntimeException error) {
                        answer.put("refused", error.toString());
                    }
                }
            }
            out.println(JSON.writeValueAsString(answer));
        }
    }

    private static long cpu() {
        return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    }

    private String convert(JsonNode facts) throws Exception {
        id = facts.get("case").get("id").asText();
        bundle = new Bundle().setType(Bundle.BundleType.TRANSACTION);
        patient(facts.get("patient"));
        Map<String, String> titles = new HashMap<>();
        for (JsonNode one : facts.get("conditions")) titles.put(text(one, "id"), text(one, "name"));
        for (JsonNode one : sorted(facts.get("conditions"), "id")) condition(one, titles);
        for (JsonNode one : sortedLabs(facts.get("labs"))) lab(one);
        for (JsonNode one : sorted(facts.get("medications"), "drug")) medication(one, titles);
        for (JsonNode one : sorted(facts.get("procedures"), "procedure")) procedure(one, titles);
        provenance(facts.get("case"));
        IParser parser = CONTEXT.newJsonParser();
        return parser.encodeResourceToString(bundle);
    }

    private static List<JsonNode> sorted(JsonNode facts, String key) {
        List<JsonNode> all = new ArrayList<>();
        facts.forEach(all::add);
        all.sort(Comparator.comparing(one -> text(one, key).toLowerCase()));
        return all;
    }

    private static List<JsonNode> sortedLabs(JsonNode facts) {
        List<JsonNode> all = new ArrayList<>();
        facts.forEach(all::add);
        all.sort(Comparator.comparing(Hapi::labKey));
        return all;
    }

    private static String labKey(JsonNode one) {
        return name(text(one, "analyte")) + "//" + text(one, "at");
    }

    private static String name(String words) {
        return words.toLowerCase().replace(' ', '-');
    }

    private static String text(JsonNode fact, String key) {
        return fact.hasNonNull(key) ? fact.get(key).asText() : null;
    }

    private String uuid(String identity) throws Exception {
        MessageDigest sha = MessageDigest.getInstance("SHA-1");
        sha.update(namespace);
        byte[] hash = sha.digest((system + "|" + id + "/" + identity).getBytes(StandardCharsets.UTF_8));
        hash[6] = (byte) (hash[6] & 0x0f | 0x50);
        hash[8] = (byte) (hash[8] & 0x3f | 0x80);
        String hex = HexFormat.of().formatHex(hash, 0, 16);
        return String.join("-", hex.substring(0, 8), hex.substring(8, 12), hex.substring(12, 16), hex.substring(16, 20), hex.substring(20));
    }

    private Reference reference(String identity) throws Exception {
        return new Reference("urn:uuid:" + uuid(identity));
    }

    private CodeableConcept coded(String table, String words) {
        CodeableConcept made = new CodeableConcept().setText(words);
        JsonNode known = tables.get("codes").get(table).get(words);
        if (known != null) {
            for (JsonNode one : known) {
                made.addCoding(new Coding(text(one, "system"), text(one, "code"), text(one, "display")));
            }
        }
        return made;
    }

    private static Map<String, String> rows(String... parts) {
        Map<String, String> made = new LinkedHashMap<>();
        for (int i = 0; i < parts.length; i += 2) if (parts[i + 1] != null) made.put(parts[i], parts[i + 1]);
        return made;
    }

    private static String escaped(String words) {
        return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    }

    private void start(DomainResource made, String identity, String title, Map<String, String> rows) throws Exception {
        String madeId = uuid(identity);
        made.setId(madeId);
        made.getMeta().addTag().setSystem(tables.get("case_system").asText()).setCode(id);
        StringBuilder items = new StringBuilder();
        rows.forEach((label, row) -> items.append("<li>").append(label).append(": ").append(escaped(row)).append("</li>"));
        made.getText().setStatus(Narrative.NarrativeStatus.GENERATED);
        made.getText().setDivAsString("<div xmlns=\"http://www.w3.org/1999/xhtml\"><p><b>" + escaped(title) + "</b></p>"
            + (rows.isEmpty() ? "" : "<ul>" + items + "</ul>") + "</div>");
        String kind = made.fhirType();
        bundle.addEntry().setFullUrl("urn:uuid:" + madeId).setResource(made).getRequest()
            .setMethod(Bundle.HTTPVerb.PUT).setUrl(kind + "/" + madeId);
    }

    private Identifier identifier(String identity) {
        return new Identifier().setSystem(system).setValue(id + "/" + identity);
    }

    private void patient(JsonNode one) throws Exception {
        Patient made = new Patient();
        start(made, "patient", "patient", rows("sex", text(one, "sex"), "birth date", text(one, "birth_date"),
            "vital status", text(one, "vital_status")));
        made.addIdentifier(identifier("patient"));
        made.setGender(Enumerations.AdministrativeGender.fromCode(text(one, "sex")));
        made.setBirthDateElement(new DateType(text(one, "birth_date")));
        made.setDeceased(new BooleanType(false));
    }

    private void condition(JsonNode one, Map<String, String> titles) throws Exception {
        Condition made = new Condition();
        String identity = "conditions/" + text(one, "id");
        start(made, identity, text(one, "name"), rows("kind", text(one, "kind"), "site", text(one, "site"),
            "of", one.has("of") ? titles.get(text(one, "of")) : null, "onset", text(one, "onset")));
        if (one.has("of")) {
            made.addExtension("http://hl7.org/fhir/StructureDefinition/condition-related",
                reference("conditions/" + text(one, "of")));
        }
        made.addIdentifier(identifier(identity));
        made.addCategory(new CodeableConcept().setText(text(one, "kind")));
        made.setCode(coded("conditions", text(one, "name")));
        if (one.has("site")) made.addBodySite(coded("sites", text(one, "site")));
        made.setSubject(reference("patient"));
        made.setOnset(new DateTimeType(text(one, "onset")));
    }

    private void lab(JsonNode one) throws Exception {
        Observation made = new Observation();
        String identity = "labs/~" + labKey(one);
        start(made, identity, text(one, "analyte"), rows("value", text(one, "value"), "unit", text(one, "unit"),
            "at", text(one, "at")));
        made.addIdentifier(identifier(identity));
        made.setStatus(Observation.ObservationStatus.FINAL);
        made.addCategory(coded("observation-categories", "Laboratory"));
        made.setCode(coded("labs", text(one, "analyte")));
        made.setSubject(reference("patient"));
        made.setEffective(new DateTimeType(text(one, "at")));
        JsonNode value = one.get("value");
        BigDecimal number = value.isNumber() ? value.decimalValue() : new BigDecimal(value.asText());
        made.setValue(new Quantity().setValue(number).setUnit(text(one, "unit"))
            .setSystem("http://unitsofmeasure.org").setCode(text(tables.get("units"), text(one, "unit"))));
    }

    private void medication(JsonNode one, Map<String, String> titles) throws Exception {
        MedicationStatement made = new MedicationStatement();
        String identity = "medications/~" + text(one, "drug") + "/" + text(one, "start");
        start(made, identity, text(one, "drug"), rows("status", text(one, "status"), "start", text(one, "start"),
            "for", one.has("for") ? titles.get(text(one, "for")) : null));
        made.addIdentifier(identifier(identity));
        made.setStatus(MedicationStatement.MedicationStatementStatus.fromCode(text(one, "status")));
        made.setMedication(coded("drugs", text(one, "drug")));
        made.setSubject(reference("patient"));
        made.setEffective(new Period().setStartElement(new DateTimeType(text(one, "start"))));
        made.addReasonReference(reference("conditions/" + text(one, "for")));
    }

    private void procedure(JsonNode one, Map<String, String> titles) throws Exception {
        Procedure made = new Procedure();
        String identity = "procedures/~" + name(text(one, "procedure")) + "///" + text(one, "at");
        start(made, identity, text(one, "procedure"), rows("kind", text(one, "kind"), "status", text(one, "status"),
            "at", text(one, "at"), "for", one.has("for") ? titles.get(text(one, "for")) : null));
        made.addIdentifier(identifier(identity));
        made.setStatus(Procedure.ProcedureStatus.fromCode(text(one, "status")));
        made.setCategory(coded("procedure-categories", text(one, "kind")));
        made.setCode(coded("procedures", text(one, "procedure")));
        made.setSubject(reference("patient"));
        made.setPerformed(new DateTimeType(text(one, "at")));
        if (one.has("for")) made.addReasonReference(reference("conditions/" + text(one, "for")));
    }

    private void provenance(JsonNode one) throws Exception {
        Provenance made = new Provenance();
        for (Bundle.BundleEntryComponent entry : bundle.getEntry()) made.addTarget(new Reference(entry.getFullUrl()));
        start(made, "case", "case", rows("recorded", text(one, "recorded")));
        made.getMeta().addTag().setSystem(system).setCode(id + "/case");
        made.setRecordedElement(new InstantType(text(one, "recorded")));
        made.addAgent().setType(coded("agents", "Assembler")).setWho(new Reference().setDisplay("fhirconv"));
    }
}
