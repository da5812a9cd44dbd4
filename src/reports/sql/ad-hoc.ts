import { resolve } from 'node:path';
import type { Io } from '../../context.ts';
import { headerOf, readSqlFile } from '../../declared/sql-file.ts';
import { usageError } from '../../errors.ts';
import { adHocReport, type NamedReport } from './find.ts';

/** Reads the query of `dbops report sql`. @param file `-` is stdin @throws usage error */
export async function readAdHoc(io: Io, file: string): Promise<NamedReport> {
  if (file !== '-') return adHocReport(readSqlFile(io.cwd, resolve(io.cwd, file)));
  const place = 'stdin';
  const sql = await textOf(io.stdin);
  if (sql.trim() === '')
    throw usageError(
      'REPORT.EMPTY',
      'No query was given on stdin.',
      "Pass one: echo 'SELECT 1' | dbops report sql -",
    );
  return adHocReport({ name: place, path: place, place, sql, header: headerOf(sql) });
}

async function textOf(stdin: Io['stdin']): Promise<string> {
  if (!stdin.read) return '';
  const bytes = await stdin.read();
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
}
