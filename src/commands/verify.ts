import * as z from 'zod';
import { defineCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { impliedCodes, impliedFindings } from '../feature-declarations.ts';
import { placeFolder } from '../formats/place.ts';
import { appliedOf } from '../migrate/plan.ts';
import { folderOf, folderOrReason, knownStatuses } from '../open-project.ts';
import type { Finding } from '../report.ts';
import { reportOptions } from '../output/findings/requested.ts';
import { reportFlags } from '../report-flags.ts';
import { assertSince, dataChecksOf, dataScope, remarksOn } from '../verify/data-checks.ts';
import type { VerifySettings } from '../verify/declaration.ts';
import { withFixes } from '../verify/fix/report.ts';
import { judgeOf } from '../verify/judge-findings.ts';
import { mostListed, verifiedReport } from '../verify/report.ts';
import { checkOf, descriptionsOf, findProblems, originsIn } from '../verify/run.ts';
import { notCompared } from '../verify/schema-findings.ts';
import { groupWords } from '../verify/definition.ts';
import { selectChecks } from '../verify/select-checks.ts';
import { probesOf } from '../verify/smoke/read.ts';
import { waiverFlags, waiverOptions } from '../verify/waiver-flags.ts';

const flagsSchema = z.object({
  arguments: z.tuple([z.array(z.string()).default([])]),
  only: z.array(z.string()).optional(),
  skip: z.array(z.string()).optional(),
  failOn: z.enum(['error', 'warning', 'info']).optional(),
  folder: z.boolean().default(false),
  replica: z.array(z.string()).default([]),
  grants: z.boolean().default(false),
  fix: z.boolean().default(false),
  ...waiverFlags,
  ...reportFlags,
  list: z.boolean().default(false),
  explain: z.string().optional(),
});

type Flags = z.output<typeof flagsSchema>;

export const command = defineCommand({
  description:
    'Compares the database with the schema that its applied migrations produce, and checks indexes, tables, security and data. Exits with 4 on findings.',
  arguments: [
    ['[words...]', `groups of checks: ${groupWords.join(', ')} (default: all but smoke)`],
  ],
  options: [
    ['--only <checks...>', 'run only these checks or groups'],
    ['--skip <checks...>', 'do not run these checks or groups'],
    ['--fail-on <severity>', 'the least severity that fails: error, warning (default) or info'],
    ['--folder', 'run the static checks on the migrations folder, without its database'],
    ['--replica <urls...>', 'count index scans on these replicas, too'],
    ['--grants', 'also compare privileges that are granted to other roles than the owner'],
    ['--fix', 'print one SQL script that corrects what needs no decision; nothing is run'],
    ...waiverOptions,
    ...reportOptions,
    ['--list', 'list the checks, without a database'],
    ['--explain <check>', 'explain a check, without a database'],
  ],
  examples: [
    'dbops verify',
    'dbops verify --folder --report sarif=dbops.sarif',
    'dbops verify --fix > fix.sql',
  ],
  flags: flagsSchema,
  async run(context, { arguments: [words], ...flags }) {
    if (flags.explain !== undefined || flags.list) {
      const { explanationOf, listOfChecks } = await import('../verify/describe-checks.ts');
      return flags.explain === undefined ? listOfChecks() : explanationOf(flags.explain);
    }
    return flags.folder
      ? verifyFolder(context, words, flags)
      : verifyDatabase(context, words, flags);
  },
});

type Options = Omit<Flags, 'arguments'>;

/** Reads what is declared, and selects what runs. */
async function select(
  context: Context,
  words: readonly string[],
  { only, skip }: Options,
  left: readonly string[] = [],
) {
  const declared = await context.declared();
  const { verify: settings = {} } = declared;
  const own = dataChecksOf(context.settings.root, declared.checks);
  const codes = [...own.checks.map(({ name }) => name), ...impliedCodes(declared)];
  const probes = await probesOf(declared.probes ?? {}, codes);
  const names = { dataChecks: codes, probes: probes.map(({ name }) => name) };
  const selection = selectChecks({
    words,
    only: only ?? settings.only ?? [],
    skip: [...(skip ?? settings.skip ?? []), ...left],
    ...names,
  });
  const wasChecked = (key: string) => {
    const check = checkOf(key, names);
    return check !== undefined && selection.includes(check.name, check.group);
  };
  return { declared, settings, own, codes, probes, names, selection, wasChecked };
}

async function verifyDatabase(context: Context, words: readonly string[], flags: Options) {
  const { folder: read, reason } = { reason: undefined, ...(await folderOrReason(context)) };
  const { codes: declaredCodes } = reason ? await select(context, [], flags) : { codes: [] };
  // Without a word, a project that declares checks and has no migrations is a project of data.
  const withoutSchema = words.length === 0 && declaredCodes.length > 0 ? reason : undefined;
  const selected = await select(context, words, flags, withoutSchema ? ['schema'] : []);
  const { declared, settings, own, codes, probes, names, selection, wasChecked } = selected;
  const { groups } = selection;
  if (reason && groups.has('schema')) throw reason;
  const session = await context.session();
  const folder = read && (await placeFolder(session, read));
  const statuses = folder ? await knownStatuses(context, session, folder) : [];
  const applied = appliedOf(statuses);
  if (context.flags.verbose && groups.has('schema'))
    for (const line of notCompared) context.note(`not compared  ${line}`);
  if (groups.has('data')) for (const line of remarksOn(own, folder)) context.note(line);
  if (groups.has('smoke') && folder) assertSince(probes, folder);
  const judge = judgeOf({
    context,
    folder: { directory: context.settings.root, ...folder, migrations: applied },
    flags,
    wasChecked,
    isRun: (name) => selection.checks.some((check) => check.name === name),
    isOfRows: (code) => codes.includes(code),
    ...(folder && { originsOf: originsIn(context, { session, folder, applied }) }),
    limit: mostListed,
    isShown: shownBy(context, flags),
  });
  const hasPending = statuses.some(({ state }) => state === 'pending');
  const furtherData = () => impliedFindings(session, declared, { hasPending, note: context.note });
  const request = { folder, session, applied, selection, settings, replicas: flags.replica };
  const further = { grants: flags.grants, dataChecks: own.checks, probes, furtherData };
  await findProblems(context, { ...request, ...further }, judge.add);
  const judged = await judge.finish();
  const report = verifiedReport(judged, {
    groups,
    ...(folder && { applied: applied.length }),
    ...(withoutSchema && { withoutSchema: withoutSchema.message }),
    ...verdictOf(context, flags, settings),
    checks: descriptionsOf(selection, { dataChecks: own.checks, probes }),
    ...(groups.has('data') && { data: dataScope(own.checks, codes, applied) }),
    ...(groups.has('smoke') && { smoke: dataScope(probes, names.probes, applied) }),
  });
  if (!flags.fix || !folder || judged.written) return report;
  return withFixes(report, { context, folder: { ...folder, migrations: applied }, settings });
}

async function verifyFolder(context: Context, words: readonly string[], flags: Options) {
  const folder = await folderOf(context);
  const { settings, selection, wasChecked } = await select(context, words, flags);
  const { findingsOfFolder } = await import('../verify/run-on-replay.ts');
  const checks = selection.checks.filter(({ isStatic }) => isStatic);
  const isRun = (name: string) => checks.some((check) => check.name === name);
  const judge = judgeOf({
    context,
    folder,
    flags,
    wasChecked: (key) => wasChecked(key) && checks.some(({ name }) => key.startsWith(`${name}:`)),
    isRun,
    isShown: shownBy(context, flags),
  });
  for (const finding of await findingsOfFolder(context, folder, checks, settings))
    judge.add(finding);
  const judged = await judge.finish();
  const report = verifiedReport(judged, {
    groups: new Set(checks.map(({ group }) => group)),
    replayed: folder.migrations.length,
    ...verdictOf(context, flags, settings),
    checks: descriptionsOf(
      { ...selection, checks, groups: new Set() },
      { dataChecks: [], probes: [] },
    ),
  });
  if (!flags.fix || judged.written) return report;
  return withFixes(report, { context, folder, settings });
}

function verdictOf({ flags: common }: Context, flags: Options, settings: VerifySettings) {
  return {
    failOn: flags.failOn ?? settings.failOn ?? ('warning' as const),
    listsInfo: common.verbose ?? false,
    maxFindings: flags.maxFindings,
  };
}

/** Returns whether a finding is printed, or written for a program to read. */
function shownBy({ flags: common, io }: Context, { report, fix }: Options) {
  const isRead = common.json || common.returnsDocument || io.environment['GITHUB_ACTIONS'];
  const isAll = Boolean(common.verbose || isRead || report.length > 0 || fix);
  return ({ severity }: Finding) => isAll || severity !== 'info';
}
