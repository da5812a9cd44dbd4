import { formatCountOf } from '../number.ts';
import { checkOf, cut, omittedCount, type FindingsReport, type ShownFinding } from './model.ts';

/** Characters of a text; GitLab reads files of 30 MB. */
const longestText = 4_000;

/**
 * Returns JUnit XML, in the elements and attributes that Jenkins, GitLab, CircleCI, Azure and Buildkite share.
 * A check that found nothing is a passed test case; a finding that is known, allowed or does not fail is a skipped one.
 */
export function toJunit(report: FindingsReport): string {
  const cases = [
    ...passed(report),
    ...report.findings.map(found),
    ...report.waived.map(({ finding, reason }) => skipped(finding, reason)),
    ...omitted(report),
    ...stopped(report),
  ];
  const groups = Map.groupBy(cases, ({ group }) => group);
  const seconds = (report.duration / 1_000).toFixed(3);
  const time = report.startedAt.toISOString().slice(0, 19);
  const suites = [...groups].map(([group, members], at) =>
    element(
      'testsuite',
      {
        name: group,
        ...countsOf(members),
        time: at === 0 ? seconds : '0',
        timestamp: time,
        hostname: 'localhost',
      },
      members.map(({ xml }) => xml),
    ),
  );
  const all = { name: `dbops ${report.command}`, ...countsOf(cases), time: seconds };
  return `<?xml version="1.0" encoding="UTF-8"?>\n${element('testsuites', all, suites)}\n`;
}

interface TestCase {
  group: string;
  state: 'passed' | 'failed' | 'skipped' | 'error';
  xml: string;
}

function countsOf(cases: readonly TestCase[]) {
  const count = (state: TestCase['state']) =>
    String(cases.filter((each) => each.state === state).length);
  return {
    tests: String(cases.length),
    failures: count('failed'),
    errors: count('error'),
    skipped: count('skipped'),
  };
}

function passed({ checks, findings, waived, omitted: rest, error }: FindingsReport): TestCase[] {
  if (error) return [];
  const codes = [...findings.map(({ code }) => code), ...waived.map(({ finding }) => finding.code)];
  const failed = new Set([...codes, ...Object.keys(rest)].map((code) => checkOf(code, checks)));
  const unanswered = new Set(findings.map(({ key }) => key));
  return checks
    .filter((check) => !failed.has(check) && !unanswered.has(`not-checked:${check.name}`))
    .map(({ name, group }) => testCase({ group, name, state: 'passed' }));
}

function found(finding: ShownFinding): TestCase {
  if (!finding.fails) return skipped(finding, `${finding.severity}: ${finding.message}`);
  const { message, severity } = finding;
  const failure = element(
    'failure',
    { message: cut(message, longestText), type: severity },
    textOf(finding),
  );
  return ofFinding(finding, 'failed', failure);
}

function skipped(finding: ShownFinding, reason: string): TestCase {
  return ofFinding(finding, 'skipped', element('skipped', { message: cut(reason, longestText) }));
}

function ofFinding(finding: ShownFinding, state: TestCase['state'], inner: string): TestCase {
  const { group, key: name, file, line } = finding;
  return testCase({ group, name, state, place: { file, line: String(line) }, inner });
}

/** Nothing is lost without a word. */
function omitted(report: FindingsReport): TestCase[] {
  const count = omittedCount(report);
  if (count === 0) return [];
  const message = `${formatCountOf(count, 'more finding')} are counted and not listed`;
  const fails = report.findings.some((each) => each.fails && report.omitted[each.code]);
  const inner = fails
    ? element('failure', { message, type: 'omitted' }, message)
    : element('skipped', { message });
  const state = fails ? 'failed' : 'skipped';
  return [testCase({ group: 'other', name: 'findings that are not listed', state, inner })];
}

function stopped({ command, error }: FindingsReport): TestCase[] {
  if (!error) return [];
  const { code, message, hint } = error;
  const text = `${message}\n${hint}`;
  const inner = element('error', { message: cut(message, longestText), type: code }, text);
  return [testCase({ group: 'other', name: `dbops ${command}`, state: 'error', inner })];
}

interface CaseContent {
  group: string;
  name: string;
  state: TestCase['state'];
  place?: { file: string; line: string };
  inner?: string;
}

function testCase({ group, name, state, place, inner }: CaseContent): TestCase {
  const attributes = { classname: `dbops.${group}`, name, ...place, time: '0' };
  return { group, state, xml: element('testcase', attributes, inner === undefined ? [] : [inner]) };
}

function textOf({ message, help, fix, file, line }: ShownFinding): string {
  const lines = [`${file}:${line}`, message, help, ...(fix === undefined ? [] : ['', fix])];
  return cut(lines.join('\n'), longestText);
}

type Attributes = Readonly<Record<string, string>>;

/** @param content text, or elements */
function element(name: string, attributes: Attributes, content: string | string[] = []): string {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${attribute(value)}"`);
  const open = `<${name}${written.join('')}`;
  if (content.length === 0) return `${open}/>`;
  if (typeof content === 'string') return `${open}>${characters(content)}</${name}>`;
  const inner = content.join('\n');
  return `${open}>\n${inner}\n</${name}>`;
}

/** Not a character of XML 1.0 (2.2), not even as a reference. */
const forbidden = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu;

const references: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
};

function characters(text: string): string {
  return text
    .replaceAll(forbidden, '')
    .replaceAll(/[&<>\r]/g, (character) => references[character] ?? character);
}

/** A parser replaces white space in an attribute by spaces, unless it is a reference. */
function attribute(text: string): string {
  return text
    .replaceAll(forbidden, '')
    .replaceAll(/[&<>"\t\n\r]/g, (character) => references[character] ?? character);
}
