import * as z from 'zod';
import { defineCommand } from '../command.ts';
import { placeFolder } from '../formats/place.ts';
import { appliedOf } from '../migrate/plan.ts';
import { folderOf, knownStatuses } from '../open-project.ts';
import { impliedCodes, impliedFindings } from '../feature-declarations.ts';
import { dataChecksOf, dataScope, remarksOn } from '../verify/data-checks.ts';
import { reportFlags, reportOptions } from '../report-flags.ts';
import { judgeOf } from '../verify/judge-findings.ts';
import { mostListed, verifiedReport } from '../verify/report.ts';
import { checkOf, descriptionsOf, findProblems, originsIn } from '../verify/run.ts';
import { notCompared } from '../verify/schema-findings.ts';
import { groupWords, selectChecks } from '../verify/select-checks.ts';
import { waiverFlags, waiverOptions } from '../verify/waiver-flags.ts';

export const command = defineCommand({
  description:
    'Compares the database with the schema that its applied migrations produce, and checks indexes, constraints and data. Exits with 4 on findings.',
  arguments: [['[words...]', `groups of checks: ${groupWords.join(', ')} (default: all)`]],
  options: [
    ['--only <checks...>', 'run only these checks or groups'],
    ['--skip <checks...>', 'do not run these checks or groups'],
    ['--fail-on <severity>', 'the least severity that fails: error, warning (default) or info'],
    ['--grants', 'also compare privileges that are granted to other roles than the owner'],
    ...waiverOptions,
    ...reportOptions,
  ],
  examples: [
    'dbops verify',
    'dbops verify --report junit=dbops.xml --report sarif=dbops.sarif',
    'dbops verify --write-baseline',
  ],
  flags: z.object({
    arguments: z.tuple([z.array(z.string()).default([])]),
    only: z.array(z.string()).optional(),
    skip: z.array(z.string()).optional(),
    failOn: z.enum(['error', 'warning', 'info']).optional(),
    grants: z.boolean().default(false),
    ...waiverFlags,
    ...reportFlags,
  }),
  async run(context, { arguments: [words], grants, ...flags }) {
    const { root } = context.settings;
    const read = await folderOf(context);
    const declared = await context.declared();
    const { verify: settings = {} } = declared;
    const own = dataChecksOf(root, declared.checks);
    const codes = [...own.checks.map(({ name }) => name), ...impliedCodes(declared)];
    const { only = settings.only ?? [], skip = settings.skip ?? [] } = flags;
    const selection = selectChecks({ words, only, skip, dataChecks: codes });
    const { groups } = selection;
    const session = await context.session();
    const folder = await placeFolder(session, read);
    const statuses = await knownStatuses(context, session, folder);
    const applied = appliedOf(statuses);
    if (context.flags.verbose && groups.has('schema'))
      for (const line of notCompared) context.note(`not compared  ${line}`);
    if (groups.has('data')) for (const line of remarksOn(own, folder)) context.note(line);
    const judge = judgeOf({
      context,
      folder: { ...folder, migrations: applied },
      flags,
      wasChecked: (key) => {
        const check = checkOf(key, codes);
        return check !== undefined && selection.includes(check.name, check.group);
      },
      isRun: (name) => selection.checks.some((check) => check.name === name),
      isOfRows: (code) => codes.includes(code),
      originsOf: originsIn(context, { session, folder, applied }),
      limit: mostListed,
    });
    const hasPending = statuses.some(({ state }) => state === 'pending');
    const { note } = context;
    const furtherData = () => impliedFindings(session, declared, { hasPending, note });
    const request = {
      folder,
      session,
      applied,
      selection,
      settings,
      replicas: [],
      grants,
      dataChecks: own.checks,
      furtherData,
    };
    await findProblems(context, request, judge.add);
    const data = groups.has('data') ? dataScope(own.checks, codes, applied) : undefined;
    return verifiedReport(await judge.finish(), {
      groups,
      applied: applied.length,
      failOn: flags.failOn ?? settings.failOn ?? 'warning',
      listsInfo: context.flags.verbose ?? false,
      maxFindings: flags.maxFindings,
      checks: descriptionsOf(selection, own.checks),
      ...(data && { data }),
    });
  },
});
