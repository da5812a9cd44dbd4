import fc from 'fast-check';

/** A type, the SQL of some of its values, and narrower types with the expression that makes one. */
interface RandomType {
  type: string;
  values: string[];
  narrower: string[];
}

const types: RandomType[] = [
  { type: 'int', values: ['0', '-1', '2147483647'], narrower: ['boolean USING %::int::boolean'] },
  {
    type: 'bigint',
    values: ['9007199254740993', '0'],
    narrower: ['boolean USING % > 0'],
  },
  { type: 'numeric(12,4)', values: ['1.2345', '-0.5', '7'], narrower: ['int', 'numeric(12,1)'] },
  {
    type: 'double precision',
    values: ['0.1', "'NaN'", '1e300'],
    narrower: ['int USING 1'],
  },
  {
    type: 'text',
    values: ["'a'", "''", "E'tab\\t\\n\\'quoted\\' \\\\'", "'Ünïcödé 🐘'"],
    narrower: [
      'varchar(1) USING %::varchar(1)',
      'int USING length(%)',
      "bytea USING convert_to(left(%, 1), 'UTF8')",
    ],
  },
  { type: 'char(4)', values: ["'ab'", "''"], narrower: ['char(1) USING %::char(1)'] },
  {
    type: 'timestamptz',
    values: ["'2020-03-29 01:30:00.123456+00'", "'-infinity'"],
    narrower: ['date'],
  },
  {
    type: 'jsonb',
    values: [`'{"a": [1.0, null]}'`, "'null'"],
    narrower: ['int USING 1'],
  },
  { type: 'json', values: [`'{"b":1,  "a":1, "a":2}'`], narrower: ['jsonb'] },
  {
    type: 'mood',
    values: ["'good'", `'it''s "bad"'`],
    narrower: [`half USING (CASE % WHEN 'good' THEN 'good' END)::half`],
  },
  {
    type: 'mood[]',
    values: [`ARRAY['good', NULL]::mood[]`, `'{}'`],
    narrower: ['int USING cardinality(%)'],
  },
  { type: 'percentage', values: ['12.5', '0'], narrower: ['int'] },
  { type: 'place', values: [`ROW('a,"(b', 2)::place`], narrower: ['int USING (%).number'] },
  {
    type: 'uuid',
    values: ["'00000000-0000-0000-0000-00000000000a'"],
    narrower: ['int USING 1'],
  },
  { type: 'bytea', values: ["'\\x00ff'"], narrower: ['int USING length(%)'] },
  { type: 'int4range', values: ["'[1,5)'", "'empty'"], narrower: ['int USING lower(%)'] },
  { type: 'inet', values: ["'10.0.0.1/8'"], narrower: ['cidr USING network(%)'] },
];

export const typesOf = `CREATE TYPE mood AS ENUM ('good', 'it''s "bad"'); CREATE TYPE half AS ENUM ('good');
  CREATE TYPE place AS (street text, number int); CREATE DOMAIN percentage AS numeric(5,2);`;

export interface RandomTable {
  /** Makes it, and fills it. */
  make: string;
  /** Destroys something, and brings its place back. */
  destroy: string;
  bringBack: string;
}

const q = (name: string) => `"${name.replaceAll('"', '""')}"`;

/** A name that needs its quotes: what PostgreSQL would fold, cut or take for SQL. */
const name = fc.string({
  unit: fc.constantFrom('a', 'B', ' ', '"', "'", ';', '-', '$', '%', 'é', '.', '(', ',', '\\'),
  minLength: 1,
  maxLength: 12,
});

const column = fc.record({
  type: fc.constantFrom(...types),
  picks: fc.array(fc.option(fc.nat(9), { freq: 4 }), { minLength: 6, maxLength: 6 }),
  fate: fc.constantFrom('stays', 'stays', 'goes', 'narrows'),
  hasDefault: fc.boolean(),
});

export const randomTable: fc.Arbitrary<RandomTable> = fc
  .record({
    table: name,
    names: fc.uniqueArray(name, { minLength: 7, maxLength: 7 }),
    columns: fc.array(column, { minLength: 1, maxLength: 6 }),
    key: fc.constantFrom('primary', 'unique', 'none', 'none', 'pair'),
    rows: fc.nat(6),
    isDropped: fc.boolean(),
    isPartitioned: fc.boolean(),
  })
  .map(({ table, names, columns, key, rows, isDropped, isPartitioned }) => {
    const t = q(table);
    const id = q(names[6] ?? '');
    const named = columns.map((each, at) => ({ ...each, name: q(names[at] ?? '') }));
    const keyed = {
      primary: [`${id} int GENERATED ALWAYS AS IDENTITY PRIMARY KEY`],
      unique: [`${id} bigint NOT NULL UNIQUE DEFERRABLE DEFAULT 5`],
      pair: [`${id} text NOT NULL`, `other int NOT NULL DEFAULT 1`, `UNIQUE (other, ${id})`],
      none: [],
    }[key];
    const define = (each: (typeof named)[number]) =>
      `${each.name} ${each.type.type}${each.hasDefault ? ` DEFAULT ${each.type.values[0]}` : ''}`;
    const partition = isPartitioned ? ` PARTITION BY HASH (${named[0]?.name})` : '';
    const canPartition =
      isPartitioned &&
      key === 'none' &&
      named[0]?.fate === 'stays' &&
      !['json', 'place'].includes(named[0].type.type);
    const create = `CREATE TABLE ${t} (${[...keyed, ...named.map(define)].join(', ')})${canPartition ? partition : ''};
      ${canPartition ? `CREATE TABLE part_1 PARTITION OF ${t} FOR VALUES WITH (MODULUS 2, REMAINDER 0); CREATE TABLE part_2 PARTITION OF ${t} FOR VALUES WITH (MODULUS 2, REMAINDER 1);` : ''}`;
    const inserts = Array.from({ length: rows }, (_, row) => {
      const own =
        key === 'unique' ? [[id, String(row)]] : key === 'pair' ? [[id, `'k${row}'`]] : [];
      const values = named.map(({ name: of, type, picks }) => {
        const pick = picks[row];
        return [
          of,
          pick === null || pick === undefined ? 'NULL' : type.values[pick % type.values.length],
        ];
      });
      const all = [...own, ...values];
      return `INSERT INTO ${t} (${all.map(([of]) => of).join(', ')}) VALUES (${all.map(([, value]) => value).join(', ')});`;
    });
    const changes = named.flatMap(({ name: of, fate, type }) => {
      const narrower = type.narrower[of.length % type.narrower.length] ?? '';
      if (fate === 'goes') return [`ALTER TABLE ${t} DROP COLUMN ${of};`];
      return fate === 'narrows'
        ? [
            `ALTER TABLE ${t} ALTER ${of} DROP DEFAULT, ALTER ${of} TYPE ${narrower.replaceAll('%', () => of)};`,
          ]
        : [];
    });
    const backs = named.flatMap((each) => {
      const { name: of, fate, type } = each;
      if (fate === 'goes') return [`ALTER TABLE ${t} ADD COLUMN ${define(each)};`];
      return fate === 'narrows'
        ? [
            `ALTER TABLE ${t} ALTER ${of} TYPE ${type.type} USING NULL;${each.hasDefault ? ` ALTER TABLE ${t} ALTER ${of} SET DEFAULT ${type.values[0]};` : ''}`,
          ]
        : [];
    });
    return {
      make: `${create} ${inserts.join('\n')}`,
      destroy: isDropped ? `DROP TABLE ${t};` : changes.join('\n'),
      bringBack: isDropped ? create : backs.join('\n'),
    };
  });
