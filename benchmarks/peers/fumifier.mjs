// Fumifier (FUME): a mapping in FLASH, compiled once against R4; it checks what it makes: types, cardinality, required codes.
//
//     node fumifier.mjs FOLDER      # with node_modules and the FHIR packages of install.py; the protocol is serving.py's
//
// Codes and ids come through functions of our own, registered as it lets one; the Bundle around the resources is plain
// JSONata, because a resource made in FLASH is checked by itself. Numbers are JavaScript's: digits are not kept.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const folder = process.argv[2];
const require = createRequire(join(folder, 'package.json'));
const { FhirPackageExplorer } = require('fhir-package-explorer');
const { FhirSnapshotGenerator } = require('fhir-snapshot-generator');
const { FhirStructureNavigator } = require('@outburn/structure-navigator');
const { FhirTerminologyRuntime } = require('fhir-terminology-runtime');
const fumifier = require('fumifier').default ?? require('fumifier');

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const CONTEXT = ['hl7.fhir.r4.core@4.0.1', 'hl7.terminology.r4@7.0.1', 'hl7.fhir.uv.extensions.r4@5.3.0-ballot-tc1'];

const common = (identity, title, rows) => `
* id = $uuid5(${identity})
* meta.tag
  * system = $caseSystem
  * code = $case
* text
  * status = 'generated'
  * div = $narrative(${title}, ${rows})
* identifier
  * system = $system
  * value = $case & '/' & ${identity}`;

const MAPPING = `(
$case := case.id;
$titles := $merge(conditions.{ id: name });
$coded := function($table, $words) { { 'coding': $codings($table, $words), 'text': $words } };
$made := [
  patient.(
InstanceOf: Patient
${common("'patient'", "'patient'", "{'sex': sex, 'birth date': birth_date, 'vital status': vital_status}")}
* gender = sex
* birthDate = birth_date
* deceasedBoolean = vital_status != 'alive'
),
  conditions.(
InstanceOf: Condition
${common("'conditions/' & id", 'name', "{'kind': kind, 'site': site, 'of': $lookup($titles, of), 'onset': onset}")}
* (of).extension
  * url = 'http://hl7.org/fhir/StructureDefinition/condition-related'
  * valueReference.reference = 'urn:uuid:' & $uuid5('conditions/' & $)
* category.text = kind
* code = $coded('conditions', name)
* (site).bodySite = $coded('sites', $)
* subject.reference = 'urn:uuid:' & $uuid5('patient')
* onsetDateTime = onset
),
  labs.(
InstanceOf: Observation
${common("'labs/~' & $name(analyte) & '//' & at", 'analyte', "{'value': $string(value), 'unit': unit, 'at': at}")}
* status = 'final'
* category = $coded('observation-categories', 'Laboratory')
* code = $coded('labs', analyte)
* subject.reference = 'urn:uuid:' & $uuid5('patient')
* effectiveDateTime = at
* valueQuantity
  * value = value
  * unit = unit
  * system = 'http://unitsofmeasure.org'
  * code = $ucum(unit)
),
  medications.(
InstanceOf: MedicationStatement
${common("'medications/~' & drug & '/' & start", 'drug', "{'status': status, 'start': start, 'for': $lookup($titles, for)}")}
* status = status
* medicationCodeableConcept = $coded('drugs', drug)
* subject.reference = 'urn:uuid:' & $uuid5('patient')
* effectivePeriod.start = start
* (for).reasonReference.reference = 'urn:uuid:' & $uuid5('conditions/' & $)
),
  procedures.(
InstanceOf: Procedure
${common("'procedures/~' & $name(procedure) & '///' & at", 'procedure', "{'kind': kind, 'status': status, 'at': at, 'for': $lookup($titles, for)}")}
* status = status
* category = $coded('procedure-categories', kind)
* code = $coded('procedures', procedure)
* subject.reference = 'urn:uuid:' & $uuid5('patient')
* performedDateTime = at
* (for).reasonReference.reference = 'urn:uuid:' & $uuid5('conditions/' & $)
)
];
$told := case.(
InstanceOf: Provenance
* id = $uuid5('case')
* meta
  * tag
    * system = $caseSystem
    * code = $case
  * tag
    * system = $system
    * code = $case & '/case'
* text
  * status = 'generated'
  * div = $narrative('case', {'recorded': recorded})
* ($made).target.reference = 'urn:uuid:' & id
* recorded = recorded
* agent
  * type = $coded('agents', 'Assembler')
  * who.display = 'fhirconv'
);
{
  'resourceType': 'Bundle',
  'type': 'transaction',
  'entry': $append($made, $told).{
    'fullUrl': 'urn:uuid:' & id,
    'resource': $,
    'request': { 'method': 'PUT', 'url': resourceType & '/' & id }
  }
}
)`;

const escaped = (text) => String(text).replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');

function narrative(title, rows) {
  const items = Object.entries(rows).map(([label, row]) => `<li>${label}: ${escaped(row)}</li>`);
  return `<div xmlns="http://www.w3.org/1999/xhtml"><p><b>${escaped(title)}</b></p><ul>${items.join('')}</ul></div>`;
}

let state = {};

function uuid5(name) {
  const full = `${state.tables.system}|${state.id}/${name}`;
  const hash = createHash('sha1').update(state.namespace).update(full).digest().subarray(0, 16);
  hash[6] = (hash[6] & 0x0f) | 0x50;
  hash[8] = (hash[8] & 0x3f) | 0x80;
  const hex = hash.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

async function compiled() {
  const cachePath = join(folder, 'packages');
  // no registry: the packages are there, and nothing else is to be looked for
  const settings = { context: CONTEXT, cachePath, registryUrl: 'http://127.0.0.1:9', fhirVersion: '4.0.1', logger: silent };
  const fpe = await FhirPackageExplorer.create({ ...settings, skipExamples: true });
  const fsg = await FhirSnapshotGenerator.create({ fpe, fhirVersion: '4.0.1', cacheMode: 'lazy', logger: silent });
  const terminologyRuntime = await FhirTerminologyRuntime.create({ fpe, fhirVersion: '4.0.1', cacheMode: 'lazy', logger: silent });
  const navigator = new FhirStructureNavigator(fsg, silent);
  const made = await fumifier(MAPPING, { navigator, terminologyRuntime, logger: silent });
  made.registerFunction('codings', (table, words) => state.tables.codes[table]?.[words] ?? []);
  made.registerFunction('ucum', (unit) => state.tables.units[unit] ?? undefined);
  made.registerFunction('name', (words) => words.toLowerCase().replaceAll(' ', '-'));
  made.registerFunction('uuid5', uuid5);
  made.registerFunction('narrative', narrative);
  return made;
}

async function convert(mapping, facts) {
  state.id = facts.case.id;
  const { system, case_system: caseSystem } = state.tables;
  const report = await mapping.evaluateVerbose(facts, { system, caseSystem });
  if (!report.ok) throw new Error(report.diagnostics.error.map((one) => one.message).join('; '));
  return JSON.stringify(report.result);
}

function use(tables) {
  state = { tables, namespace: Buffer.from(tables.namespace, 'hex') };
}

const mapping = await compiled();
const version = JSON.parse(readFileSync(join(folder, 'node_modules/fumifier/package.json'))).version;
let cases = [];

async function answer(request) {
  if (request.do === 'load') {
    use(request.tables);
    cases = request.texts.map((text) => JSON.parse(text));
    // three times over: the JIT compiler is to have seen all of it
    for (let i = 0; i < 3; i++) for (const facts of cases) await convert(mapping, facts);
    return { ready: version };
  }
  if (request.do === 'time') {
    const start = process.cpuUsage();
    for (const facts of cases) await convert(mapping, facts);
    const { user, system } = process.cpuUsage(start);
    return { cpu: (user + system) / cases.length };
  }
  use(request.tables);
  try {
    return { made: await convert(mapping, JSON.parse(request.text)), notes: [] };
  } catch (error) {
    return { refused: String(error.message ?? error).slice(0, 300) };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answer(JSON.parse(line)))}\n`);
}
