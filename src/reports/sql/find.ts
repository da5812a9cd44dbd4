import { resolve } from 'node:path';
import { readSqlFile, sqlFilesIn, type HeaderLine, type SqlFile } from '../../declared/sql-file.ts';
import { usageError } from '../../errors.ts';
import { issueLines } from '../../output/issues.ts';
import { sqlReportSchema, sqlReportsSchema, type ParamType, type SqlReport } from './definition.ts';

export interface Param {
  name: string;
  type: ParamType;
  default?: string;
  help?: string;
}

/** A report of one's own, wherever it is declared. */
export interface NamedReport {
  name: string;
  title: string;
  /** Such as `reports.churn` or `reports/churn.sql`. */
  place: string;
  sql: string;
  params: Param[];
  /** Milliseconds. */
  timeout?: number;
}

interface DeclaredReports {
  reports: NamedReport[];
  /** Files in `reports` without the header of a report. */
  others: string[];
}

/** The folder beside the configuration whose files are reports. */
const folder = 'reports';

/** The reports of dbops. */
const builtIn = ['usage', 'credits', 'ledger', 'reconcile'];

/** The words after `dbops report` that are commands. */
const reserved = new Set([...builtIn, 'list', 'sql', 'help']);

/**
 * Returns the reports of the configuration, then those of `reports/*.sql` beside it.
 *
 * @param root the folder of the configuration
 * @throws usage error that lists every problem
 */
export function sqlReportsOf(
  root: string,
  declared: Readonly<Record<string, SqlReport>> = {},
): DeclaredReports {
  const problems: string[] = [];
  const named = Object.entries(declared).map(([name, each]) => configured(root, name, each));
  const taken = new Set(
    Object.values(declared).flatMap(({ file }) => (file ? [resolve(root, file)] : [])),
  );
  const files = sqlFilesIn(root, folder).filter(({ path }) => !taken.has(path));
  const isReport = ({ header }: SqlFile) => header.some(({ word }) => word === 'title');
  const reports = [
    ...named,
    ...files.filter(isReport).flatMap((file) => {
      const { report, issues } = reportOfFile(file);
      problems.push(...issues.map((issue) => `${file.place}: ${issue}`));
      return report ? [report] : [];
    }),
  ];
  problems.push(...nameProblems(reports));
  if (problems.length > 0) throw invalid(problems);
  return { reports, others: files.filter((file) => !isReport(file)).map(({ place }) => place) };
}

/** Returns a file as an ad hoc report; without a header it has no parameters. @throws usage error */
export function adHocReport(file: SqlFile): NamedReport {
  const { report, issues } = reportOfFile(file);
  if (report) return report;
  throw invalid(issues.map((issue) => `${file.place}: ${issue}`));
}

function invalid(problems: string[]) {
  return usageError(
    'REPORTS.INVALID',
    'Invalid reports.',
    'Correct them; docs/report.md#reports-of-your-own describes a report and its header.',
    problems,
  );
}

/** What the configuration says wins over the header of its file. */
function configured(root: string, name: string, { sql, file, ...rest }: SqlReport): NamedReport {
  const read = file === undefined ? undefined : readSqlFile(root, resolve(root, file));
  const header = read ? reportOfFile(read).report : undefined;
  const params = paramsOf(rest.params);
  const timeout = rest.timeout ?? header?.timeout;
  return {
    name,
    title: rest.title ?? header?.title ?? name,
    place: `reports.${name}`,
    sql: sql ?? read?.sql ?? '',
    params: params.length > 0 ? params : (header?.params ?? []),
    ...(timeout !== undefined && { timeout }),
  };
}

function paramsOf(params: SqlReport['params']): Param[] {
  return Object.entries(params).map(([name, param]) => {
    if (typeof param === 'string') return { name, type: param };
    const { type, help } = param;
    return {
      name,
      type,
      ...(param.default !== undefined && { default: String(param.default) }),
      ...(help !== undefined && { help }),
    };
  });
}

function reportOfFile({ name, place, sql, header }: SqlFile): {
  report?: NamedReport;
  issues: string[];
} {
  const issues: string[] = [];
  const params: Record<string, unknown> = {};
  const declared: Record<string, unknown> = { sql, params };
  for (const line of header) readLine(line, declared, params, issues);
  const parsed = sqlReportSchema.safeParse(declared);
  if (!parsed.success) return { issues: [...issues, ...issueLines(parsed.error)] };
  const { title = name, timeout } = parsed.data;
  const report = { name, title, place, sql, params: paramsOf(parsed.data.params) };
  const isValid = sqlReportsSchema.safeParse({ [name]: parsed.data });
  if (!isValid.success && place !== name)
    issues.push('expected letters, digits, _ and - as the name of the file');
  if (issues.length > 0) return { issues };
  return { report: { ...report, ...(timeout !== undefined && { timeout }) }, issues };
}

/** `-- param month: date = 2026-11-01 -- first day of the month` */
function readLine(
  { word, name, text }: HeaderLine,
  declared: Record<string, unknown>,
  params: Record<string, unknown>,
  issues: string[],
): void {
  if (word !== 'param') {
    if (word in declared || name) issues.push(`-- ${word}: is given twice, or has a name`);
    declared[word] = text;
    return;
  }
  const [, type = '', value, help] = /^(\w+)(?:\s*=\s*(.*?))?(?:\s+--\s+(.*))?$/.exec(text) ?? [];
  if (name === undefined || name in params)
    issues.push(`-- param ${name ?? ''}: is given twice, or has no name`);
  else
    params[name] = {
      type,
      ...(value !== undefined && { default: value }),
      ...(help !== undefined && { help }),
    };
}

function nameProblems(reports: readonly NamedReport[]): string[] {
  const places = Map.groupBy(reports, ({ name }) => name);
  return [...places].flatMap(([name, found]) => [
    ...(reserved.has(name)
      ? [`${found[0]?.place}: dbops report ${name} is a command of dbops`]
      : []),
    ...(found.length > 1
      ? [`${name} is declared twice: ${found.map(({ place }) => place).join(', ')}`]
      : []),
  ]);
}

/** Returns the report of this name. @throws usage error that lists the reports */
export function reportNamed({ reports, others }: DeclaredReports, name: string): NamedReport {
  const found = reports.find((each) => each.name === name);
  if (found) return found;
  const isFile = others.find((place) => place.endsWith(`/${name}.sql`));
  const known = [...builtIn, ...reports.map((each) => each.name)].join(', ');
  throw usageError(
    'REPORT.UNKNOWN',
    name === '' ? 'No report given.' : `Unknown report: ${name}.`,
    `Reports: ${known}. To add one, write ${folder}/NAME.sql beside the configuration, beginning with -- title: … (docs/report.md)`,
    isFile ? [`${isFile} has no line -- title: …, which makes it a report`] : [],
  );
}
