import type { FieldDef } from 'pg';
import type { Session } from '../../db/session.ts';
import type { TextRow } from '../../declared/rows.ts';
import type { QueryValue } from '../../documents.ts';
import type { JsonKind } from '../../output/json-rows.ts';
import type { Column, Row } from '../../report.ts';

/** A column of a result. */
export interface ResultColumn {
  /** Its name; of several with the same name, the second has `_2` appended. */
  key: string;
  label: string;
  /** The type of the server, such as `numeric(12,2)`. */
  type: string;
  isNumber: boolean;
  kind: JsonKind;
  valueOf: (text: string) => QueryValue;
}

/** Returns the columns of a result with the names of their types. */
export async function columnsOf(
  session: Session,
  fields: readonly FieldDef[],
): Promise<ResultColumn[]> {
  const rows = await session.query<{ type: string; category: string }>(
    `SELECT pg_catalog.format_type(t.oid, f.modifier) AS type, t.typcategory AS category
       FROM ROWS FROM (unnest($1::oid[]), unnest($2::int4[])) WITH ORDINALITY AS f (oid, modifier, place)
       JOIN pg_catalog.pg_type t ON t.oid = f.oid ORDER BY f.place`,
    [fields.map(({ dataTypeID }) => dataTypeID), fields.map((each) => each.dataTypeModifier)],
  );
  const seen = new Map<string, number>();
  return fields.map(({ name, dataTypeID }, at) => {
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return {
      key: count === 1 ? name : `${name}_${count}`,
      label: name,
      type: rows[at]?.type ?? 'unknown',
      isNumber: rows[at]?.category === 'N',
      ...(readers[dataTypeID] ?? asText),
    };
  });
}

const integer = (text: string) => {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : BigInt(text);
};
/** JSON has no NaN and no infinity: these remain text. */
const float = (text: string) => (Number.isFinite(Number(text)) ? Number(text) : text);
/** The server writes times in UTC and in ISO format, with a blank and without a Z. */
const instant = (text: string) =>
  /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?\+00$/.test(text)
    ? text.replace(' ', 'T').replace(/\+00$/, 'Z')
    : text;
const time = (text: string) =>
  /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?$/.test(text) ? text.replace(' ', 'T') : text;

/** By the OID of the type; of all other types, numeric among them, the text of the server is the value. */
const readers: Record<number, Pick<ResultColumn, 'kind' | 'valueOf'>> = {
  16: { kind: 'boolean', valueOf: (text) => text === 't' },
  20: { kind: 'integer', valueOf: integer },
  21: { kind: 'integer', valueOf: integer },
  23: { kind: 'integer', valueOf: integer },
  26: { kind: 'integer', valueOf: integer },
  700: { kind: 'float', valueOf: float },
  701: { kind: 'float', valueOf: float },
  114: { kind: 'other', valueOf: json },
  3802: { kind: 'other', valueOf: json },
  1114: { kind: 'timestamp', valueOf: time },
  1184: { kind: 'timestamptz', valueOf: instant },
};

const asText: Pick<ResultColumn, 'kind' | 'valueOf'> = { kind: 'text', valueOf: (text) => text };

/** Integers keep all their digits. */
function json(text: string): QueryValue {
  const keep = (_key: string, value: unknown, { source }: { source?: string }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(source ?? '')
      ? BigInt(source ?? '')
      : value;
  return (JSON.parse as (text: string, reviver: typeof keep) => QueryValue)(text, keep);
}

/** Returns a row as its JSON document has it. */
export function documentRow(
  columns: readonly ResultColumn[],
  row: TextRow,
): Record<string, QueryValue> {
  return Object.fromEntries(
    columns.map(({ key, valueOf }, at) => {
      const text = row[at] ?? null;
      return [key, text === null ? null : valueOf(text)];
    }),
  );
}

/** Returns the columns of a table with values as the server prints them. */
export function tableColumns(columns: readonly ResultColumn[]): Column[] {
  return columns.map(({ key, label, isNumber }) => ({
    key,
    label,
    ...(isNumber && { align: 'right' as const }),
    format: (value) => (typeof value === 'string' ? value : '–'),
  }));
}

export function tableRow(columns: readonly ResultColumn[], row: TextRow): Row {
  return Object.fromEntries(columns.map(({ key }, at) => [key, row[at] ?? null]));
}
