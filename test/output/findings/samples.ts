import { findingsReportOf, type ReportSource } from '../../../src/output/findings/model.ts';
import type { CheckDescription, Finding, Severity } from '../../../src/report.ts';

const checks: readonly CheckDescription[] = [
  {
    name: 'schema',
    group: 'schema',
    summary: 'Every object matches what the applied migrations create.',
    prefixes: ['missing-', 'different-', 'extra-'],
  },
  {
    name: 'fk-without-index',
    group: 'indexes',
    summary: 'Every foreign key has an index.',
    harm: 'Deleting a referenced row scans the table.',
    cure: 'Create the index CONCURRENTLY.',
  },
  { name: 'policy-always-true', group: 'security', summary: 'No policy allows everything.' },
  { name: 'no-primary-key', group: 'tables', summary: 'Every table has a primary key.' },
  { name: 'one-wallet', group: 'data', summary: 'An account has one wallet.' },
];

export function findingOf(name: string, given: Partial<Finding> = {}): Finding {
  const code = given.code ?? 'fk-without-index';
  return {
    code,
    severity: 'warning',
    message: `${name} has no index.`,
    help: `Create it: CREATE INDEX CONCURRENTLY ON ${name} (a);`,
    fix: `CREATE INDEX CONCURRENTLY ON ${name} (a);`,
    where: {
      object: name,
      migration: '0008_orders',
      file: 'migrations/0008_orders.up.sql',
      line: 12,
      endLine: 15,
    },
    key: `${code}:${name}`,
    ...given,
  };
}

const severities: Severity[] = ['error', 'warning', 'info'];
const codes = ['missing-index', 'fk-without-index', 'policy-always-true', 'one-wallet'];

/** Names that a stranger may have given to an object. */
export const hostileNames = [
  'a"b<c>&]]>',
  '\u001b[31mred\u001b[0m',
  '\u202egnp.exe',
  '🦀é名',
  'line\nbreak\r\nand\ttab',
  '100% ::error::x',
  '::stop-commands::token',
  'a|b`c`*d*[e](http://f) ```g``` @user #1',
  '\ud800half',
  '\uffff',
  '</details><script>',
  'x'.repeat(10_000),
];

const base: Omit<ReportSource, 'inspection'> = {
  command: 'verify',
  version: '1.0.0',
  exitCode: 4,
  startedAt: new Date('2026-11-28T05:00:00Z'),
  duration: 412,
  document: { command: 'verify', ok: false, findings: [] },
  secrets: [],
};

function sourceOf(findings: readonly Finding[], given: Partial<ReportSource> = {}): ReportSource {
  return {
    ...base,
    inspection: { findings, waived: [], checks, omitted: {}, failOn: 'warning' },
    ...given,
  };
}

export function reportOf(findings: readonly Finding[], given: Partial<ReportSource> = {}) {
  return findingsReportOf(sourceOf(findings, given));
}

const forty = Array.from({ length: 40 }, (_, at) =>
  findingOf(`public.t${at}`, {
    code: codes[at % codes.length] ?? '',
    severity: severities[at % severities.length] ?? 'info',
    where: { object: `public.t${at}`, file: `migrations/000${at % 7}_x.sql`, line: (at % 5) + 1 },
  }),
);

const waived = { finding: findingOf('public.old'), reason: 'known until 2027-01-31: replaced' };

/** What the golden files hold, by their names. */
export const samples: Readonly<Record<string, ReportSource>> = {
  clean: sourceOf([], { exitCode: 0 }),
  one: sourceOf([findingOf('public.orders')]),
  forty: sourceOf(forty, {
    inspection: {
      findings: forty,
      waived: [waived],
      checks,
      omitted: { 'one-wallet': 7 },
      failOn: 'warning',
    },
  }),
  hostile: sourceOf(
    hostileNames.map((name) =>
      findingOf(name, {
        where: { object: name, file: `migrations/${name}`.slice(0, 300), line: 3 },
      }),
    ),
  ),
  stopped: sourceOf([], {
    inspection: undefined,
    exitCode: 3,
    error: {
      code: 'DATABASE.UNREACHABLE',
      message: 'Cannot connect to db:5432.\nECONNREFUSED',
      hint: 'Start the server: pg_ctl start',
    },
  }),
};
