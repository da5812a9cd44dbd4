import type { Context } from '../../context.ts';
import type { Declarations } from '../../declarations.ts';
import { done, text, type Report } from '../../report.ts';
import { sqlReportsOf } from './find.ts';
import { describeParam } from './params.ts';

type Need = 'usage' | 'credits' | 'credits.balances' | 'credits.ledger';

/** The reports of dbops, and the key of the configuration that each needs. */
const builtIn: { name: string; title: string; need: Need }[] = [
  { name: 'usage', title: 'usage and limits by subject and meter', need: 'usage' },
  { name: 'credits', title: 'credits granted, used and left', need: 'credits.balances' },
  { name: 'ledger', title: 'opening, in, out and closing by holder', need: 'credits.ledger' },
  {
    name: 'reconcile',
    title: 'balances that are not the sum of the ledger',
    need: 'credits.ledger',
  },
];

function isDeclared({ usage, credits }: Declarations, need: Need): boolean {
  if (need === 'usage') return usage !== undefined;
  if (need === 'credits.balances') return credits?.balances !== undefined;
  return need === 'credits.ledger' ? credits?.ledger !== undefined : credits !== undefined;
}

/** Returns every report of a project. */
export function listReports(
  { settings }: Pick<Context, 'settings'>,
  declared: Declarations,
): Report {
  const { reports, others } = sqlReportsOf(settings.root, declared.reports);
  const rows = [
    ...builtIn.map(({ name, title, need }) => ({
      name,
      title,
      origin: 'dbops',
      needs: need,
      available: isDeclared(declared, need),
      params: [],
    })),
    ...reports.map(({ name, title, place, params }) => ({
      name,
      title,
      origin: place,
      needs: null,
      available: true,
      params: params.map((param) => ({ ...param })),
    })),
  ];
  const shown = rows.map(({ params, needs, available, ...rest }) => ({
    ...rest,
    needs: needs === null || available ? '' : `${needs} in the configuration`,
    params: params.map(describeParam).join(' '),
  }));
  return done(
    { reports: rows },
    {
      kind: 'table',
      columns: [
        { key: 'name', label: 'report' },
        { key: 'title', label: 'title' },
        { key: 'params', label: 'parameters' },
        { key: 'origin', label: 'declared in' },
        { key: 'needs', label: 'needs', tone: () => 'warn' },
      ],
      rows: shown,
    },
    ...others.map((place) => text(`${place} is not a report: it has no line -- title: …`, 'dim')),
    ...(reports.length > 0
      ? []
      : [
          text(
            '→ Declare your own in reports/NAME.sql beside the configuration (docs/report.md)',
            'dim',
          ),
        ]),
  );
}
