import * as z from 'zod';
import { defineCommand } from '../command.ts';
import { placeFolder } from '../formats/place.ts';
import { appliedOf } from '../migrate/plan.ts';
import { folderOf, knownStatuses } from '../open-project.ts';
import { formatCount } from '../output/number.ts';
import { checks as schemaChecks } from '../verify/checks/index.ts';
import { notCompared } from '../verify/checks/schema-objects.ts';
import { checkGroups, type CheckGroup } from '../verify/definition.ts';
import { readBaseline, sortFindings, writeBaseline } from '../verify/known-findings.ts';
import { baselineWritten, verifyReport } from '../verify/report.ts';
import { findProblems, groupOf } from '../verify/run.ts';

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
    const all = await findProblems(context, { folder, session, applied, groups, grants, checks });
    const sorted = sortFindings(all, [...context.settings.scope.ignore, ...ignore], known, (key) =>
      groups.has(groupOf(key, checks)),
    );
    if (output !== undefined) {
      writeBaseline(cwd, output, sorted.findings);
      return baselineWritten(output, sorted.findings);
    }
    return verifyReport(
      sorted,
      `${[...groups].join(', ')}; ${formatCount(applied.length)} applied ${applied.length === 1 ? 'migration' : 'migrations'}`,
    );
  },
});
