import { spawnSync } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import pg from 'pg';
import * as z from 'zod';
import { checks } from '../../src/verify/checks/index.ts';
import type { Databases } from '../databases.ts';
import { indexHealthRules, schemalintRules, splinterRules, type Rules } from './rules.ts';

/** What a checker said about one object. */
export interface Report {
  rule: string;
  /** The whole of it, in which the names of the objects occur. */
  text: string;
}

export interface Checker {
  name: string;
  rules: Rules;
  reports: Report[];
}

/** The database that is checked. */
export interface Subject {
  databases: Databases;
  database: string;
  /** An empty folder. */
  folder: string;
}

const schemas = ['public', 'app'];

const document = z.object({
  findings: z.array(z.object({ code: z.string(), key: z.string(), message: z.string() })),
});

/** The settings of dbops: what its peers are told by a setting of the session or by arguments. */
const dbopsConfig = `export default { verify: {
  exposedSchemas: ['public'], applicationRoles: ['app_login', 'app_bypass'], thresholds: { bloatBytes: 1_000_000 } } };\n`;

/** Returns what `dbops verify health` finds, from the key of each finding. */
export async function runDbops({ databases, database, folder }: Subject): Promise<Checker> {
  await writeFile(join(folder, 'dbops.config.mjs'), dbopsConfig);
  const program = resolve(import.meta.dirname, '..', '..', 'bin', 'dbops.cjs');
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [program, 'verify', 'health', '--json', '--verbose'],
    {
      cwd: folder,
      encoding: 'utf8',
      maxBuffer: 2 ** 30,
      env: { ...process.env, DATABASE_URL: databases.url(database) },
    },
  );
  if (stdout === '') throw new Error(`dbops printed nothing: ${stderr}`);
  const { findings } = document.parse(JSON.parse(stdout));
  return {
    name: 'dbops',
    rules: Object.fromEntries(checks.map(({ name }) => [name, [name]])),
    reports: findings.map(({ code, key }) => ({ rule: code, text: key })),
  };
}

/**
 * Returns what splinter finds.
 *
 * @param file its `splinter.sql`
 * @param exposed `pgrst.db_schemas` of the session; absent as where PostgREST is configured by a file
 * @throws the error of the server, such as that the role anon does not exist
 */
export async function runSplinter(
  { databases, database }: Subject,
  file: string,
  exposed?: string,
): Promise<Checker> {
  const sql = await readFile(file, 'utf8');
  const rows = await onSession(databases.url(database), async (client) => {
    if (exposed !== undefined) await client.query(`SET pgrst.db_schemas = '${exposed}'`);
    return rowsOf(await client.query(sql));
  });
  const lints = z.array(z.object({ name: z.string(), detail: z.string() })).parse(rows);
  return {
    name: 'splinter',
    rules: splinterRules,
    reports: lints.map(({ name, detail }) => ({ rule: name, text: detail })),
  };
}

/**
 * Returns what each query of pg-index-health-sql finds in each schema.
 *
 * @param folder its folder `sql`
 */
export async function runIndexHealth(
  { databases, database }: Subject,
  folder: string,
): Promise<Checker> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.sql'));
  const reports: Report[] = [];
  await onSession(databases.url(database), async (client) => {
    for (const file of files)
      for (const schema of schemas) {
        const sql = (await readFile(join(folder, file), 'utf8'))
          .replaceAll(':schema_name_param', `'${schema}'`)
          .replaceAll(':bloat_percentage_threshold', '50')
          .replaceAll(':remaining_percentage_threshold', '30');
        const rows = rowsOf(await client.query(sql));
        const rule = basename(file, '.sql');
        reports.push(...rows.map((row) => ({ rule, text: JSON.stringify(row) })));
      }
  });
  return { name: 'pg-index-health-sql', rules: indexHealthRules, reports };
}

/**
 * Returns what schemalint finds with every rule that concerns a kind of fault; the one for row-level security is
 * enabled for the schema that the API serves.
 *
 * @param folder the package `schemalint` in a `node_modules`
 */
export async function runSchemalint(subject: Subject, folder: string): Promise<Checker> {
  const { 'row-level-security': _, ...everywhere } = schemalintRules;
  const rules = (names: readonly string[]) =>
    Object.fromEntries(names.map((name) => [name, ['error']]));
  const url = subject.databases.url(subject.database);
  const configuration = {
    connection: { connectionString: url, host: 'the server', database: subject.database },
    rules: rules(Object.keys(everywhere)),
    schemas: schemas.map((name) => ({
      name,
      rules: rules(name === 'public' ? ['row-level-security'] : []),
    })),
  };
  const file = 'schemalintrc.cjs';
  await writeFile(
    join(subject.folder, file),
    `module.exports = ${JSON.stringify(configuration)};\n`,
  );
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [join(folder, 'bin', 'schemalint'), '--config', file],
    { cwd: subject.folder, encoding: 'utf8', maxBuffer: 2 ** 30 },
  );
  const lines = stderr.matchAll(/^(?<object>\S+): error (?<rule>\S+) : /gm);
  const reports = [...lines].map(({ groups = {} }) => ({
    rule: groups.rule ?? '',
    text: groups.object ?? '',
  }));
  if (reports.length === 0) throw new Error(`schemalint found nothing:\n${stdout}${stderr}`);
  return { name: 'schemalint', rules: schemalintRules, reports };
}

/** The rows of the last statement. */
function rowsOf(result: pg.QueryResult | pg.QueryResult[]): unknown[] {
  return (Array.isArray(result) ? result.at(-1)?.rows : result.rows) ?? [];
}

async function onSession<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
