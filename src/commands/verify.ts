import * as z from 'zod';
import { defineCommand } from '../command.ts';
import { placeFolder } from '../formats/place.ts';
import { appliedOf } from '../migrate/plan.ts';
import { folderOrReason, knownStatuses } from '../open-project.ts';
import { impliedCodes, impliedFindings } from '../feature-declarations.ts';
import { assertSince, dataChecksOf, dataScope, remarksOn } from '../verify/data-checks.ts';
import { readBaseline, sorterOf, writeBaseline } from '../verify/known-findings.ts';
import { baselineWritten, mostListed, verifiedReport } from '../verify/report.ts';
import { explanationOf, listOfChecks } from '../verify/describe-checks.ts';
import { checkOf, findProblems } from '../verify/run.ts';
import { notCompared } from '../verify/schema-findings.ts';
import { groupWords, selectChecks } from '../verify/select-checks.ts';
import { probesOf } from '../verify/smoke/read.ts';

export const command = defineCommand({
  description:
    'Compares the database with the schema that its applied migrations produce, and checks indexes, constraints and data. Exits with 4 on findings.',
  arguments: [['[words...]', `groups of checks: ${groupWords.join(', ')} (default: all)`]],
  options: [
    ['--only <checks...>', 'run only these checks or groups'],
    ['--skip <checks...>', 'do not run these checks or groups'],
    ['--fail-on <severity>', 'the least severity that fails: error, warning (default) or info'],
    ['--replica <urls...>', 'count index scans on these replicas, too'],
    ['--grants', 'also compare privileges that are granted to other roles than the owner'],
    ['--ignore <patterns...>', 'ignore findings with these keys; * matches any text'],
    ['--baseline <file>', 'report only findings that are not in this file'],
    ['--write-baseline <file>', 'write the current findings to this file'],
    ['--list', 'list the checks, without a database'],
    ['--explain <check>', 'explain a check, without a database'],
  ],
  examples: [
    'dbops verify',
    'dbops verify --explain rls-off',
    'dbops verify --write-baseline known.json && dbops verify --baseline known.json',
  ],
  flags: z.object({
    arguments: z.tuple([z.array(z.string()).default([])]),
    only: z.array(z.string()).optional(),
    skip: z.array(z.string()).optional(),
    failOn: z.enum(['error', 'warning', 'info']).optional(),
    replica: z.array(z.string()).default([]),
    grants: z.boolean().default(false),
    ignore: z.array(z.string()).default([]),
    baseline: z.string().optional(),
    writeBaseline: z.string().optional(),
    list: z.boolean().default(false),
    explain: z.string().optional(),
  }),
  async run(context, { arguments: [words], grants, ignore, baseline, ...flags }) {
    const { writeBaseline: output } = flags;
    if (flags.explain !== undefined) return explanationOf(flags.explain);
    if (flags.list) return listOfChecks();
    const { root, scope } = context.settings;
    const known = baseline === undefined ? [] : readBaseline(context.io.cwd, baseline);
    const { folder: read, reason } = { reason: undefined, ...(await folderOrReason(context)) };
    const declared = await context.declared();
    const { verify: settings = {} } = declared;
    const own = dataChecksOf(root, declared.checks);
    const codes = [...own.checks.map(({ name }) => name), ...impliedCodes(declared)];
    const { only = settings.only ?? [], skip = settings.skip ?? [] } = flags;
    const probes = await probesOf(declared.probes ?? {}, codes);
    const names = { dataChecks: codes, probes: probes.map(({ name }) => name) };
    // Without a word, a project that declares checks and has no migrations is a project of data.
    const withoutSchema = words.length === 0 && codes.length > 0 ? reason : undefined;
    const left = withoutSchema ? [...skip, 'schema'] : skip;
    const selection = selectChecks({ words, only, skip: left, ...names });
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
    const sorter = sorterOf({
      ignore: [...scope.ignore, ...ignore],
      baseline: known,
      wasChecked: (key) => {
        const { name, group } = checkOf(key, names);
        return selection.includes(name, group);
      },
      limit: output === undefined ? mostListed : Infinity,
    });
    const hasPending = statuses.some(({ state }) => state === 'pending');
    const furtherData = () =>
      impliedFindings(session, declared, { hasPending, note: context.note });
    const request = {
      folder,
      session,
      applied,
      selection,
      settings,
      replicas: flags.replica,
      grants,
      dataChecks: own.checks,
      probes,
      furtherData,
    };
    await findProblems(context, request, sorter.add);
    const sorted = sorter.sorted();
    if (output !== undefined) {
      writeBaseline(context.io.cwd, output, sorted.findings);
      return baselineWritten(output, sorted.findings);
    }
    const data = groups.has('data') ? dataScope(own.checks, codes, applied) : undefined;
    return verifiedReport(sorted, {
      groups,
      ...(folder && { applied: applied.length }),
      ...(withoutSchema && { withoutSchema: withoutSchema.message }),
      failOn: flags.failOn ?? settings.failOn ?? 'warning',
      listsInfo: context.flags.verbose ?? false,
      ...(data && { data }),
      ...(groups.has('smoke') && { smoke: dataScope(probes, names.probes, applied) }),
    });
  },
});
