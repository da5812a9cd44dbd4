import { XMLParser, XMLValidator } from 'fast-xml-parser';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { annotationsOf } from '../../../src/output/findings/github.ts';
import { longestComment, toFindingsMarkdown } from '../../../src/output/findings/markdown.ts';
import { findingsReportOf } from '../../../src/output/findings/model.ts';
import { fileOfReport, reportFormats } from '../../../src/output/findings/requested.ts';
import { mostResults, toSarif } from '../../../src/output/findings/sarif.ts';
import { toFormat } from '../../../src/output/findings/write-reports.ts';
import { findingOf, hostileNames, reportOf, samples } from './samples.ts';

const names = Object.keys(samples);
const endings = {
  junit: 'xml',
  sarif: 'sarif',
  gitlab: 'json',
  rdjson: 'rdjson',
  markdown: 'md',
  json: 'json',
};

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '',
  parseAttributeValue: false,
  parseTagValue: false,
  trimValues: false,
  processEntities: true,
  htmlEntities: true,
  isArray: (name) => ['testsuite', 'testcase'].includes(name),
});

// The elements and attributes of the XSD of Jenkins' xUnit plugin, as far as dbops writes them.
const count = z.string().regex(/^\d+$/);
const decimal = z.string().regex(/^\d+(?:\.\d+)?$/);
const problem = z.strictObject({ message: z.string(), type: z.string(), '#text': z.string() });
const testCase = z.strictObject({
  '#text': z.string().optional(),
  classname: z.string().min(1),
  name: z.string().min(1),
  file: z.string().min(1).optional(),
  line: count.optional(),
  time: decimal,
  failure: problem.optional(),
  error: problem.optional(),
  skipped: z.strictObject({ message: z.string() }).optional(),
});
const counts = { tests: count, failures: count, errors: count, skipped: count };
const testSuite = z.strictObject({
  '#text': z.string().optional(),
  name: z.string().min(1),
  ...counts,
  time: decimal,
  timestamp: z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/),
  hostname: z.string(),
  testcase: z.array(testCase).default([]),
});
const junit = z.strictObject({
  '?xml': z.unknown(),
  '#text': z.string().optional(),
  testsuites: z.strictObject({
    '#text': z.string().optional(),
    name: z.string(),
    ...counts,
    time: decimal,
    testsuite: z.array(testSuite).default([]),
  }),
});

function junitOf(text: string) {
  expect(XMLValidator.validate(text)).toBe(true);
  // oxlint-disable-next-line no-control-regex -- XML 1.0 forbids them
  expect(text).not.toMatch(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/);
  const { testsuites } = junit.parse(parser.parse(text));
  return { ...testsuites, cases: testsuites.testsuite.flatMap(({ testcase }) => testcase) };
}

// What GitHub requires of SARIF 2.1.0, strictly: no other keys than those of the specification that dbops writes.
const text = z.strictObject({ text: z.string().min(1).max(1_024) });
const region = z.strictObject({
  startLine: z.int().min(1),
  startColumn: z.int().min(1),
  endLine: z.int().min(1),
  endColumn: z.int().min(1),
});
const level = z.enum(['none', 'note', 'warning', 'error']);
const sarif = z.strictObject({
  $schema: z.literal('https://json.schemastore.org/sarif-2.1.0.json'),
  version: z.literal('2.1.0'),
  runs: z.tuple([
    z.strictObject({
      tool: z.strictObject({
        driver: z.strictObject({
          name: z.literal('dbops'),
          semanticVersion: z.string().min(1),
          rules: z.array(
            z.strictObject({
              id: z.string().min(1),
              name: z.string().min(1),
              shortDescription: text,
              fullDescription: text,
              help: z.strictObject({ text: z.string().min(1), markdown: z.string().min(1) }),
              defaultConfiguration: z.strictObject({ level }),
              properties: z.strictObject({
                tags: z.array(z.string()).max(10),
                precision: z.enum(['very-high', 'high', 'medium', 'low']),
                'problem.severity': z.enum(['error', 'warning', 'recommendation']),
                'security-severity': z
                  .string()
                  .regex(/^\d\.\d$/)
                  .optional(),
              }),
            }),
          ),
        }),
      }),
      automationDetails: z.strictObject({ id: z.string().regex(/^dbops\/[a-z-]+\/$/) }),
      columnKind: z.literal('utf16CodeUnits'),
      invocations: z.tuple([
        z.strictObject({
          executionSuccessful: z.boolean(),
          exitCode: z.int(),
          toolExecutionNotifications: z
            .array(
              z.strictObject({
                level,
                message: z.strictObject({ text: z.string().min(1) }),
                descriptor: z.strictObject({ id: z.string().min(1) }),
              }),
            )
            .optional(),
        }),
      ]),
      results: z
        .array(
          z.strictObject({
            ruleId: z.string().min(1),
            ruleIndex: z.int().min(0),
            level,
            message: z.strictObject({ text: z.string().min(1) }),
            locations: z.tuple([
              z.strictObject({
                physicalLocation: z.strictObject({
                  artifactLocation: z.strictObject({ uri: z.string().regex(/^[\w.%~!'()*/-]+$/) }),
                  region,
                }),
              }),
            ]),
            partialFingerprints: z.strictObject({
              primaryLocationLineHash: z.string().regex(/^[0-9a-f]{16}:1$/),
            }),
          }),
        )
        .max(25_000),
    }),
  ]),
});

function sarifOf(content: string) {
  const [run] = sarif.parse(JSON.parse(content)).runs;
  const { rules } = run.tool.driver;
  for (const { ruleId, ruleIndex } of run.results) expect(rules[ruleIndex]?.id).toBe(ruleId);
  return run;
}

const gitlab = z.array(
  z.strictObject({
    description: z.string().min(1),
    check_name: z.string().min(1),
    fingerprint: z.string().min(1),
    severity: z.enum(['info', 'minor', 'major', 'critical', 'blocker']),
    location: z.strictObject({
      path: z.string().regex(/^(?!\.\/|\/)./s),
      lines: z.strictObject({ begin: z.int().min(1) }),
    }),
  }),
);

const position = z.strictObject({ line: z.int().min(1), column: z.int().min(1) });
const rdjson = z.strictObject({
  source: z.strictObject({ name: z.literal('dbops') }),
  severity: z.enum(['ERROR', 'WARNING', 'INFO']),
  diagnostics: z.array(
    z.strictObject({
      message: z.string().min(1),
      location: z.strictObject({
        path: z.string().min(1),
        range: z.strictObject({ start: position, end: position }).optional(),
      }),
      severity: z.enum(['ERROR', 'WARNING', 'INFO']),
      code: z.strictObject({ value: z.string().min(1) }),
      original_output: z.string().optional(),
    }),
  ),
});

describe.each(reportFormats)('--report %s', (format) => {
  it.each(names)('writes the file of the sample %s', async (name) => {
    const source = samples[name];
    if (!source) throw new Error(name);
    const file = `golden/${name}.${format}.${endings[format]}`;
    await expect(toFormat(format, findingsReportOf(source))).toMatchFileSnapshot(file);
  });

  it('writes the same for findings in another order', () => {
    const { forty } = samples;
    if (!forty?.inspection) throw new Error('no sample');
    const findings = forty.inspection.findings.toReversed();
    const reversed = { ...forty, inspection: { ...forty.inspection, findings } };
    const first = toFormat(format, findingsReportOf(forty));
    expect(toFormat(format, findingsReportOf(reversed))).toBe(first);
  });

  it('writes no secret', () => {
    const secret = 'hunter2&"<';
    const report = reportOf([findingOf(`a ${secret} b`, { message: secret, help: secret })], {
      secrets: [secret],
    });
    expect(toFormat(format, report)).not.toContain('hunter2');
  });
});

function sampleOf(name: string) {
  const source = samples[name];
  if (!source) throw new Error(name);
  return findingsReportOf(source);
}

describe('JUnit', () => {
  it.each(names)('is read back from the sample %s', (name) => {
    const report = sampleOf(name);
    const { cases, ...suites } = junitOf(toFormat('junit', report));
    const failed = cases.filter(({ failure }) => failure);
    const passed = cases.filter(({ failure, error, skipped }) => !failure && !error && !skipped);
    expect(suites).toMatchObject({
      tests: String(cases.length),
      failures: String(failed.length),
      errors: String(cases.filter(({ error }) => error).length),
      skipped: String(cases.filter(({ skipped }) => skipped).length),
    });
    expect(new Set(cases.map((each) => each.name)).size).toBe(cases.length);
    const failing = report.findings.filter(({ fails }) => fails).length;
    expect(failed).toHaveLength(failing + (Object.keys(report.omitted).length > 0 ? 1 : 0));
    expect(passed.map((each) => each.name)).toEqual(
      name === 'clean' ? report.checks.map((check) => check.name) : passed.map((each) => each.name),
    );
  });

  it('keeps the text of names, and the line breaks of messages', () => {
    const finding = findingOf('t"<&>\'', { message: 'one\n    two', severity: 'error' });
    const [found] = junitOf(toFormat('junit', reportOf([finding]))).cases.filter(
      ({ failure }) => failure,
    );
    expect(found).toMatchObject({
      name: 'fk-without-index:t"<&>\'',
      classname: 'dbops.indexes',
      file: 'migrations/0008_orders.up.sql',
      line: '12',
      failure: { message: 'one\n    two', type: 'error' },
    });
  });

  it('skips findings that are known or do not fail', () => {
    const report = reportOf([findingOf('t', { severity: 'info' })], {
      inspection: {
        findings: [findingOf('t', { severity: 'info' })],
        waived: [{ finding: findingOf('u'), reason: 'known until 2027-01-31: old' }],
        checks: [],
        omitted: {},
        failOn: 'warning',
      },
    });
    const { cases, failures } = junitOf(toFormat('junit', report));
    expect(failures).toBe('0');
    expect(cases.map(({ skipped }) => skipped?.message)).toEqual([
      'info: t has no index.',
      'known until 2027-01-31: old',
    ]);
  });

  it('has an error and no passed check where the run stopped', () => {
    const { cases, errors } = junitOf(toFormat('junit', sampleOf('stopped')));
    expect(errors).toBe('1');
    expect(cases).toMatchObject([{ error: { type: 'DATABASE.UNREACHABLE' } }]);
  });
});

describe('SARIF', () => {
  it.each(names)('is read back from the sample %s', (name) => {
    const report = sampleOf(name);
    const { results, invocations } = sarifOf(toFormat('sarif', report));
    expect(results).toHaveLength(report.findings.length);
    expect(invocations[0].executionSuccessful).toBe(report.error === undefined);
  });

  it('is cut at what GitHub shows, worst first, and says so', () => {
    const many = Array.from({ length: mostResults + 37 }, (_, at) =>
      findingOf(`t${at}`, { severity: at < 40 ? 'warning' : 'error' }),
    );
    const { results, invocations } = sarifOf(toSarif(reportOf(many)));
    expect(results).toHaveLength(mostResults);
    expect(results.filter((each) => each.level === 'warning')).toHaveLength(3);
    expect(invocations[0].toolExecutionNotifications?.[0]?.message.text).toBe(
      '37 more findings are not in this file, which has the worst 5,000.',
    );
  });

  it('encodes the path', () => {
    const where = { object: 't', file: 'a b/ü%#?.sql', line: 1 };
    const [result] = sarifOf(toFormat('sarif', reportOf([findingOf('t', { where })]))).results;
    expect(result?.locations[0].physicalLocation.artifactLocation.uri).toBe(
      'a%20b/%C3%BC%25%23%3F.sql',
    );
  });

  it('has another category for each command', () => {
    const { automationDetails } = sarifOf(toSarif(reportOf([], { command: 'migrate status' })));
    expect(automationDetails.id).toBe('dbops/migrate-status/');
  });
});

describe('GitLab code quality', () => {
  it.each(names)('is read back from the sample %s', (name) => {
    const report = sampleOf(name);
    const content = toFormat('gitlab', report);
    expect(content.startsWith('\ufeff')).toBe(false);
    const entries = gitlab.parse(JSON.parse(content));
    expect(entries).toHaveLength(report.findings.length + (report.error ? 1 : 0));
  });

  it('is an empty list when nothing was found', () => {
    expect(JSON.parse(toFormat('gitlab', sampleOf('clean')))).toEqual([]);
  });

  it('rates wrong data highest', () => {
    const rated = (code: string, severity: 'error' | 'warning' | 'info') => {
      const report = reportOf([findingOf('t', { code, severity })]);
      return gitlab.parse(JSON.parse(toFormat('gitlab', report)))[0]?.severity;
    };
    expect(rated('one-wallet', 'error')).toBe('critical');
    expect(rated('missing-index', 'error')).toBe('major');
    expect(rated('missing-index', 'warning')).toBe('minor');
    expect(rated('missing-index', 'info')).toBe('info');
  });
});

describe('rdjson', () => {
  it.each(names)('is read back from the sample %s', (name) => {
    const report = sampleOf(name);
    const { diagnostics } = rdjson.parse(JSON.parse(toFormat('rdjson', report)));
    expect(diagnostics).toHaveLength(report.findings.length + (report.error ? 1 : 0));
  });
});

describe('Markdown', () => {
  it('fits a comment of GitHub, and says what it leaves out', () => {
    const many = Array.from({ length: 2_000 }, (_, at) => findingOf(`public.t${at}`));
    const content = toFormat('markdown', reportOf(many));
    expect(Buffer.byteLength(content)).toBeLessThanOrEqual(longestComment);
    const shown = content.match(/<details>/g)?.length ?? 0;
    expect(shown).toBeGreaterThan(50);
    expect(content).toContain(`And ${(2_000 - shown).toLocaleString('en-US')} more findings`);
  });

  it.each([2_000, 10_000, 1_048_576])('takes at most %s bytes', (limit) => {
    const many = hostileNames.flatMap((name) =>
      Array.from({ length: 20 }, (_, at) => findingOf(`${name}${at}`)),
    );
    expect(Buffer.byteLength(toFindingsMarkdown(reportOf(many), limit))).toBeLessThanOrEqual(limit);
  });

  it('keeps a row of the table on one line, with its columns', () => {
    const content = toFormat('markdown', sampleOf('hostile'));
    const rows = content.split('\n').filter((line) => line.startsWith('| warning'));
    expect(rows).toHaveLength(hostileNames.length);
    for (const row of rows) expect(row.match(/(?<!\\)\|/g)).toHaveLength(5);
  });

  it('opens and closes each details element, whatever the names', () => {
    const content = toFormat('markdown', sampleOf('hostile'));
    const outside = content.replaceAll(/^(`{3,})\w*\n[^]*?^\1$/gm, '');
    expect(outside.match(/<details>/g)).toHaveLength(hostileNames.length);
    expect(outside.match(/<\/details>/g)).toHaveLength(hostileNames.length);
    expect(outside).not.toContain('<script>');
  });
});

describe('annotations of GitHub Actions', () => {
  const command = /^::(error|warning|notice) ([^\n]*?)::([^\n]*)$/;

  it.each(names)('are commands of one line in the sample %s', (name) => {
    const lines = annotationsOf(sampleOf(name)).split('\n').filter(Boolean);
    for (const line of lines) expect(line).toMatch(command);
    expect(
      lines.filter((line) => /::stop-commands::token\b/.test(line.split('::')[1] ?? '')),
    ).toEqual([]);
  });

  it('are the worst ten of each level, of which the last says how many there are besides', () => {
    const many = Array.from({ length: 47 }, (_, at) => findingOf(`t${at}`, { severity: 'error' }));
    const lines = annotationsOf(reportOf([...many, findingOf('u')]))
      .trim()
      .split('\n');
    expect(lines.map((line) => command.exec(line)?.[1])).toEqual([
      ...Array.from({ length: 10 }, () => 'error'),
      'warning',
    ]);
    expect(lines[8]).not.toContain('more');
    expect(lines[9]).toMatch(/%0Aand 37 more: see the summary$/);
  });

  it('escape what the runner would read', () => {
    const where = { object: 't', file: 'a,b:c%.sql', line: 7 };
    const finding = findingOf('t', { message: '100% of t\n    ::error::x', help: 'y', where });
    expect(annotationsOf(reportOf([finding]))).toBe(
      '::warning title=fk-without-index,file=a%2Cb%3Ac%25.sql,line=7::100%25 of t%0A    ::error::x%0Ay\n',
    );
  });

  it('say why a run stopped', () => {
    expect(annotationsOf(sampleOf('stopped'))).toMatch(
      /^::error title=dbops verify%3A DATABASE\.UNREACHABLE::Cannot connect/,
    );
  });
});

describe('every key', () => {
  it('has a fingerprint of its own in every format', () => {
    const key = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 20 }),
      fc.string({
        unit: fc.constantFrom(
          'a',
          '\t',
          ' ',
          '\n',
          '\u0001',
          '\u202e',
          '\ufffe',
          '\ud800',
          '%',
          '\\',
          'n',
        ),
        maxLength: 6,
      }),
      fc.string({ minLength: 490, maxLength: 520, unit: fc.constantFrom('a', 'b') }),
    );
    fc.assert(
      fc.property(fc.uniqueArray(key, { minLength: 2, maxLength: 20 }), (keys) => {
        const report = reportOf(keys.map((each) => findingOf('t', { key: each })));
        const { cases } = junitOf(toFormat('junit', report));
        const failed = cases.filter(({ failure }) => failure).map(({ name }) => name);
        const { results } = sarifOf(toFormat('sarif', report));
        const entries = gitlab.parse(JSON.parse(toFormat('gitlab', report)));
        const { diagnostics } = rdjson.parse(JSON.parse(toFormat('rdjson', report)));
        const fingerprints = [
          failed,
          results.map((each) => each.partialFingerprints.primaryLocationLineHash),
          entries.map(({ fingerprint }) => fingerprint),
          diagnostics.map((each) => each.original_output),
        ];
        for (const each of fingerprints) expect(new Set(each).size).toBe(keys.length);
      }),
      { numRuns: 100 },
    );
  });
});

describe('the value of --report', () => {
  it.each([
    ['junit=out/r.xml', { format: 'junit', file: 'out/r.xml' }],
    ['markdown=-', { format: 'markdown', file: '-' }],
    ['json=a=b.json', { format: 'json', file: 'a=b.json' }],
    ['r.xml', { format: 'junit', file: 'r.xml' }],
    ['r.sarif', { format: 'sarif', file: 'r.sarif' }],
    ['r.sarif.json', { format: 'sarif', file: 'r.sarif.json' }],
    ['gl-code-quality-report.json', { format: 'gitlab', file: 'gl-code-quality-report.json' }],
    ['r.rdjson', { format: 'rdjson', file: 'r.rdjson' }],
    ['r.md', { format: 'markdown', file: 'r.md' }],
    [
      'r.json',
      { problem: 'r.json does not show its format: write FORMAT=r.json, such as json=r.json' },
    ],
    ['junit=', { problem: 'junit= names no file' }],
    [
      'html=r.html',
      { problem: 'html is not a format: use junit, sarif, gitlab, rdjson, markdown, json' },
    ],
  ])('%s', (value, expected) => {
    expect(fileOfReport(value)).toEqual(expected);
  });
});
