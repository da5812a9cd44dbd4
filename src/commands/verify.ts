import * as z from 'zod';
import { isNameIgnored } from '../catalog/ignored.ts';
import { readCounterpart } from '../shadow/counterpart.ts';
import { driftOf } from '../shadow/drift.ts';
import { readWithFixedSettings } from '../catalog/snapshot.ts';
import { checkGroups, type CheckGroup } from '../verify/definition.ts';
import { checks as schemaChecks } from '../verify/checks/index.ts';
import { runChecks } from '../verify/run.ts';
import { notCompared } from '../verify/checks/schema-objects.ts';
import type { Context } from '../context.ts';
import type { Session } from '../db/session.ts';
import { exitCodes } from '../errors.ts';
import type { Folder } from '../formats/format.ts';
import { folderOf, knownStatuses } from '../open-project.ts';
import { appliedOf } from '../migrate/plan.ts';
import type { Migration } from '../migration.ts';
import { formatCount } from '../output/number.ts';
import { done, text, type Finding, type Report } from '../report.ts';
import { placeFolder } from '../formats/place.ts';
import {
  readBaseline,
  sortFindings,
  writeBaseline,
  type SortedFindings,
} from '../verify/known-findings.ts';
import { defineCommand } from '../command.ts';

const severities = ['error', 'warning', 'info'] as const;

export const command = defineCommand({
  description:
    'Compares the database with the schema that its applied migrations produce, and checks indexes, constraints and data. Exits with 4 on findings.',
  arguments: [['[words...]', `groups of checks: ${checkGroups.join(', ')} (default: all)`]],
  options: [
    ['--grants', 'also compare privileges that are granted to other roles than the owner'],
    ['--ignore <patterns...>', 'ignore findings with these keys; * matches any text'],
    ['--baseline <file>', 'report only findings that are not in this file'],
    ['--write-baseline <file>', 'write the current findings to this file'],
  ],
  examples: [
    'dbops verify',
    "dbops verify --ignore 'extra-index:*' 'extra-table:public.tmp_*'",
    'dbops verify --write-baseline known.json && dbops verify --baseline known.json',
  ],
  flags: z.object({
    arguments: z.tuple([z.array(z.enum(checkGroups)).default([])]),
    grants: z.boolean().default(false),
    ignore: z.array(z.string()).default([]),
    baseline: z.string().optional(),
    writeBaseline: z.string().optional(),
  }),
  async run(context, { arguments: [words], grants, ignore, baseline, writeBaseline: output }) {
    const { cwd } = context.io;
    const known = baseline === undefined ? [] : readBaseline(cwd, baseline);
    const read = await folderOf(context);
    const session = await context.session();
    const folder = await placeFolder(session, read);
    const applied = appliedOf(await knownStatuses(context, session, folder));
    const groups = new Set<CheckGroup>(words.length > 0 ? words : checkGroups);
    if (context.flags.verbose && groups.has('schema'))
      for (const line of notCompared) context.note(`not compared  ${line}`);
    const checks = [...schemaChecks, ...(await context.application.checks())];
    const { scope } = context.settings;
    const found = await findingsOf(context, { folder, session, applied, groups, grants, checks });
    const all = found.filter(({ where }) => !where?.object || !isNameIgnored(where.object, scope));
    const patterns = [...scope.ignore, ...ignore];
    const sorted = sortFindings(all, patterns, known, (key) => groups.has(groupOf(key, checks)));
    if (output !== undefined) return baselineWritten(cwd, output, sorted.findings);
    return toReport(
      sorted,
      `${[...groups].join(', ')}; ${formatCount(applied.length)} applied ${applied.length === 1 ? 'migration' : 'migrations'}`,
    );
  },
});

type Checks = Parameters<typeof runChecks>[0];

interface VerifyRequest {
  folder: Folder;
  session: Session;
  applied: readonly Migration[];
  groups: ReadonlySet<CheckGroup>;
  grants: boolean;
  checks: Checks;
}

async function findingsOf(
  { settings, signal, progress }: Context,
  { folder, session, applied, groups, grants, checks }: VerifyRequest,
): Promise<Finding[]> {
  const wanted = {
    migrations: applied,
    format: folder.format,
    counterpart: await readCounterpart(session),
    grants,
    scope: settings.scope,
    environment: settings.environment,
    server: settings.shadow,
    signal,
    onReplay: () =>
      progress.update(`replaying ${formatCount(applied.length)} migrations in a shadow database`),
  };
  const drift = groups.has('schema') ? await driftOf(session, wanted, folder.tracking.tables) : [];
  const names = new Set(applied.map(({ name }) => name));
  return readWithFixedSettings(session, () => runChecks(checks, { session, drift, groups }, names));
}

/** Returns the group of a finding by its key; findings of the schema are named after their change. */
function groupOf(key: string, checks: Checks): CheckGroup {
  return checks.find(({ name }) => key === name || key.startsWith(`${name}:`))?.group ?? 'schema';
}

function baselineWritten(cwd: string, file: string, findings: readonly Finding[]): Report {
  writeBaseline(cwd, file, findings);
  const count = `${formatCount(findings.length)} finding${findings.length === 1 ? '' : 's'}`;
  return done(
    { findings: [...findings], counts: countsOf(findings) },
    text(`✓ ${count} written to ${file}; next run: dbops verify --baseline ${file}`, 'good'),
  );
}

function countsOf(findings: readonly Finding[]): Record<string, number> {
  return Object.fromEntries(
    severities.map((severity) => [
      severity,
      findings.filter((finding) => finding.severity === severity).length,
    ]),
  );
}

function toReport({ findings, ignored, known, stale }: SortedFindings, scope: string): Report {
  const counts = countsOf(findings);
  const isClean = findings.every(({ severity }) => severity === 'info');
  const aside = [
    ...(known > 0 ? [`${formatCount(known)} known`] : []),
    ...(ignored > 0 ? [`${formatCount(ignored)} ignored`] : []),
  ];
  const found = severities
    .filter((severity) => counts[severity])
    .map((severity) => countOf(counts[severity] ?? 0, severity));
  const summary = findings.length === 0 ? '✓ No problems found' : found.join(', ');
  return {
    exitCode: isClean ? exitCodes.done : exitCodes.findings,
    data: { findings, counts, known, ignored, stale },
    blocks: [
      ...(findings.length > 0 ? [{ kind: 'findings' as const, findings }] : []),
      ...stale.map((key) => text(`no longer found, remove it from the baseline: ${key}`, 'warn')),
      text(`${summary} (${[scope, ...aside].join('; ')})`, isClean ? 'good' : 'bad'),
    ],
  };
}

/** `1 error`, `2 warnings`; info has no plural. */
function countOf(count: number, severity: (typeof severities)[number]): string {
  return `${formatCount(count)} ${severity}${count === 1 || severity === 'info' ? '' : 's'}`;
}
