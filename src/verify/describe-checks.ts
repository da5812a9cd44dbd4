import type { CheckDocument, VerifyData } from '../documents.ts';
import { usageError } from '../errors.ts';
import { done, text, type Block, type Report } from '../report.ts';
import { checks } from './checks/index.ts';
import type { Check } from './definition.ts';

/** Nothing was checked. */
const nothing = { findings: [], counts: { error: 0, warning: 0, info: 0 } };

function documentOf({ name, group, severity, isStatic, summary }: Check): CheckDocument {
  return { name, group, severity, runs: isStatic ? 'static' : 'live', summary };
}

/** Returns the report that lists the catalogue; needs no database. */
export function listOfChecks(): Report<VerifyData> {
  const rows = checks.map(documentOf);
  const columns = ['name', 'group', 'severity', 'runs', 'summary'];
  return done(
    { ...nothing, checks: rows },
    {
      kind: 'table',
      columns: columns.map((key) => ({ key, label: key === 'name' ? 'check' : key })),
      rows: rows.map((row) => ({ ...row })),
      notes: ['static: also checks a replay of the folder; live: needs a database'],
    },
    text('Explain one: dbops verify --explain CHECK', 'dim'),
  );
}

/**
 * Returns the report that explains a check; needs no database.
 *
 * @throws usage error for an unknown name
 */
export function explanationOf(name: string): Report<VerifyData> {
  const check = checks.find((each) => each.name === name);
  if (!check)
    throw usageError(
      'VERIFY.CHECK',
      `No check is named ${name}.`,
      'List them: dbops verify --list',
    );
  const { harm, cure, limits, example } = check;
  const document = {
    ...documentOf(check),
    harm,
    cure,
    limits,
    ...(example !== undefined && { example }),
  };
  return done({ ...nothing, checks: [document] }, ...blocksOf(check));
}

function blocksOf({ name, group, severity, isStatic, ...check }: Check): Block[] {
  const where = isStatic ? 'a database or a replay of the folder' : 'a database';
  return [
    text(`${name}: ${check.summary}`),
    text(`${severity}; group ${group}; checks ${where}`, 'dim'),
    text(`\nWhy it matters\n${check.harm}`),
    text(`\nHow to correct it\n${check.cure}`),
    text(`\nLimits\n${check.limits}`),
    ...(check.example === undefined
      ? []
      : [text('\nExample that it reports'), { kind: 'code' as const, text: check.example }]),
  ];
}
