import type { Project } from '../migrate/project.ts';

interface Column {
  name: string;
  type: string;
  length: number | null;
  /** Of an enum type. */
  label: string | null;
  /** The column that it refers to. */
  refers: { table: string; column: string } | null;
  isNullable: boolean;
}

interface Table {
  name: string;
  columns: Column[];
}

// Columns that a check names keep their default: a made-up value would not pass it.
const tables = `SELECT format('%I.%I', n.nspname, c.relname) AS name, jsonb_agg(jsonb_build_object(
    'name', quote_ident(a.attname), 'type', format_type(a.atttypid, NULL), 'length', nullif(a.atttypmod, -1) - 4,
    'isNullable', NOT a.attnotnull,
    'label', (SELECT enumlabel FROM pg_enum WHERE enumtypid = a.atttypid ORDER BY enumsortorder LIMIT 1),
    'refers', (SELECT jsonb_build_object('table', f.confrelid::regclass::text, 'column', quote_ident(r.attname))
      FROM pg_constraint f JOIN pg_attribute r ON r.attrelid = f.confrelid AND r.attnum = f.confkey[1]
      WHERE f.contype = 'f' AND f.conrelid = c.oid AND f.conkey = ARRAY[a.attnum] LIMIT 1)) ORDER BY a.attnum) AS columns
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  WHERE c.relkind = 'r' AND n.nspname = 'public' AND c.relname !~ '^_'
    AND NOT (a.atthasdef AND EXISTS (SELECT FROM pg_constraint k
      WHERE k.conrelid = c.oid AND k.contype = 'c' AND a.attnum = ANY (k.conkey)))
  GROUP BY 1 ORDER BY 1`;

/** Puts so many rows into every table, what is referred to first. */
export async function fillTables({ query }: Pick<Project, 'query'>, rows: number): Promise<void> {
  let waiting = await query<Table & Record<string, unknown>>(tables);
  while (waiting.length > 0) {
    const names = new Set(waiting.map(({ name }) => name.replace(/^public\./, '')));
    const isReady = ({ name, columns }: Table) =>
      columns.every(
        ({ refers }) => !refers || !names.has(refers.table) || `public.${refers.table}` === name,
      );
    const ready = waiting.filter(isReady);
    if (ready.length === 0)
      throw new Error(`tables refer to one another: ${[...names].join(', ')}`);
    for (const { name, columns } of ready)
      await query(
        `INSERT INTO ${name} (${columns.map((column) => column.name).join(', ')})
           SELECT ${columns.map(valueOf).join(', ')} FROM generate_series(1, ${rows}) n ON CONFLICT DO NOTHING`,
      );
    waiting = waiting.filter((table) => !isReady(table));
  }
}

function valueOf({ name, type, length, label, refers, isNullable }: Column): string {
  if (refers)
    return `(SELECT array_agg(${refers.column} ORDER BY 1) FROM ${refers.table})[1 + (n - 1) % ${10_000}]`;
  const value = madeUp(type, name, length, label);
  return isNullable ? `CASE n % 3 WHEN 0 THEN NULL ELSE ${value} END` : value;
}

function madeUp(type: string, name: string, length: number | null, label: string | null): string {
  if (label !== null) return `'${label}'`;
  if (type.endsWith('[]')) return `ARRAY['a' || n]::${type}`;
  if (type.startsWith('timestamp')) return `'2026-01-01'::${type} + n * interval '1 minute'`;
  if (type === 'uuid') return `md5('${name.replaceAll("'", '')}' || n)::uuid`;
  if (type === 'date') return `'2026-01-01'::date + n % 1000`;
  if (type === 'boolean') return 'n % 2 = 0';
  if (type === 'json' || type === 'jsonb') return `'{}'::${type}`;
  if (/^(?:smallint|integer|bigint|numeric|real|double)/.test(type)) return 'n % 30000';
  const text = `'${name.replaceAll(/['"]/g, '')} ' || n`;
  return length === null ? text : `right(${text}, ${length})`;
}

/** A hash of the rows of every table, whatever the order of their columns is. */
export async function contentOf({
  query,
}: Pick<Project, 'query'>): Promise<Record<string, string>> {
  const found = await query<{ name: string }>(
    `SELECT quote_ident(relname) AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname !~ '^_'`,
  );
  const hashes: Record<string, string> = {};
  for (const { name } of found) {
    const [row] = await query<{ hash: string }>(
      `SELECT count(*) || ' ' || md5(coalesce(string_agg(to_jsonb(t)::text, ',' ORDER BY to_jsonb(t)::text), '')) AS hash FROM ${name} t`,
    );
    hashes[name] = row?.hash ?? '';
  }
  return hashes;
}
