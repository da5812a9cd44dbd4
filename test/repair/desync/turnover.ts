import { randomFrom, type Random } from './random.ts';

/** A migration of no particular tool. */
export interface MigrationText {
  slug: string;
  sql: string;
}

interface Table {
  name: string;
  columns: Map<string, string>;
  /** Statements that drop what is on the table, by what creates them. */
  parts: { create: string; drop: string }[];
}

interface Model {
  random: Random;
  tables: Table[];
  /** Definitions of dropped tables: some are created again, as they were. */
  dropped: Table[];
  enums: Map<string, string[]>;
  functions: Map<string, number>;
  count: number;
}

const types = ['integer', 'bigint', 'numeric', 'text'];

/**
 * A folder that drops, renames, retypes and creates again what it has created: tables, columns,
 * indexes, constraints, triggers, functions, types and their labels, with changes of rows between
 * them and in the same files.
 */
export function turnoverOf(seed: number, length = 24): MigrationText[] {
  const random = randomFrom(seed);
  const model: Model = {
    random,
    tables: [],
    dropped: [],
    enums: new Map(),
    functions: new Map(),
    count: 0,
  };
  return Array.from({ length }, (_, at): MigrationText => {
    const parts = Array.from({ length: 1 + random.below(3) }, () => change(model));
    return { slug: `step_${at}`, sql: `${parts.join(';\n')};\n` };
  });
}

function change(model: Model): string {
  const { random, tables } = model;
  if (tables.length < 2) return createTable(model);
  const kinds = [
    createTable,
    dropTable,
    renameTable,
    addColumn,
    addColumn,
    dropColumn,
    renameColumn,
    retypeColumn,
    setDefault,
    addPart,
    addPart,
    dropPart,
    dropPart,
    changeEnum,
    changeEnum,
    changeFunction,
    changeFunction,
    changeRows,
    changeRows,
    conditionalChange,
    passingTable,
  ];
  const kind = random.pick(kinds) ?? changeRows;
  return kind(model);
}

function fresh(model: Model, word: string): string {
  // Few names: many of them come back.
  return `${word}_${model.random.chance(0.3) ? model.random.below(4) : 10 + model.count++}`;
}

function createTable(model: Model): string {
  const { random, tables, dropped } = model;
  const again = random.chance(0.5) ? dropped.pop() : undefined;
  const name = again?.name ?? fresh(model, 'thing');
  if (tables.some((each) => each.name === name)) return changeRows(model);
  const columns = again?.columns ?? new Map([['a', 'integer']]);
  tables.push({ name, columns: new Map(columns), parts: [] });
  const list = [...columns].map(([column, type]) => `${column} ${type}`);
  return `CREATE TABLE ${name} (${['id serial PRIMARY KEY', ...list].join(', ')})`;
}

function dropTable({ random, tables, dropped }: Model): string {
  const at = random.below(tables.length);
  const [table] = tables.splice(at, 1);
  if (!table) return 'SELECT 1';
  dropped.push(table);
  const rows = random.chance(0.3) ? `UPDATE ${table.name} SET id = id + 1;\n` : '';
  return `${rows}DROP TABLE ${table.name}`;
}

function renameTable(model: Model): string {
  const table = model.random.pick(model.tables);
  const name = fresh(model, 'thing');
  if (!table || model.tables.some((each) => each.name === name)) return changeRows(model);
  const former = table.name;
  table.name = name;
  table.parts = [];
  return `ALTER TABLE ${former} RENAME TO ${name}`;
}

function addColumn(model: Model): string {
  const table = model.random.pick(model.tables);
  const column = fresh(model, 'c');
  if (!table || table.columns.has(column)) return changeRows(model);
  const type = model.random.pick(types) ?? 'text';
  table.columns.set(column, type);
  const ifNotExists = model.random.chance(0.2) ? 'IF NOT EXISTS ' : '';
  return `ALTER TABLE ${table.name} ADD COLUMN ${ifNotExists}${column} ${type}`;
}

function dropColumn(model: Model): string {
  const [table, column] = columnOf(model);
  if (!table || !column) return changeRows(model);
  table.columns.delete(column);
  table.parts = table.parts.filter(({ create }) => !create.includes(`(${column}`));
  const rows = model.random.chance(0.5) ? `UPDATE ${table.name} SET id = id;\n` : '';
  return `${rows}ALTER TABLE ${table.name} DROP COLUMN ${column}`;
}

function renameColumn(model: Model): string {
  const [table, column] = columnOf(model);
  const name = fresh(model, 'c');
  if (!table || !column || table.columns.has(name)) return changeRows(model);
  table.columns.set(name, table.columns.get(column) ?? 'text');
  table.columns.delete(column);
  return `ALTER TABLE ${table.name} RENAME COLUMN ${column} TO ${name}`;
}

function retypeColumn(model: Model): string {
  const [table, column] = columnOf(model);
  if (!table || !column) return changeRows(model);
  const at = types.indexOf(table.columns.get(column) ?? 'text');
  const type = types[Math.min(at + 1, types.length - 1)] ?? 'text';
  table.columns.set(column, type);
  const hasCheck = table.parts.some(({ create }) => create.includes(`(${column} IS`));
  if (hasCheck) return changeRows(model);
  return `ALTER TABLE ${table.name} ALTER COLUMN ${column} TYPE ${type} USING ${column}::${type}`;
}

function setDefault(model: Model): string {
  const [table, column] = columnOf(model);
  if (!table || !column) return changeRows(model);
  const value = model.random.below(3);
  const action = value === 0 ? 'DROP DEFAULT' : `SET DEFAULT '${value}'`;
  return `ALTER TABLE ${table.name} ALTER COLUMN ${column} ${action}`;
}

function columnOf({ random, tables }: Model): [Table, string] | [] {
  const table = random.pick(tables);
  const column = table && random.pick([...table.columns.keys()]);
  return table && column ? [table, column] : [];
}

function addPart(model: Model): string {
  const { random, functions } = model;
  const [table, column] = columnOf(model);
  if (!table || !column) return changeRows(model);
  const name = `part_${model.count++}`;
  const kind = random.below(3);
  const [fn] = functions.keys();
  if (kind === 0 && fn !== undefined) {
    const create = `CREATE TRIGGER ${name} BEFORE INSERT ON ${table.name} FOR EACH ROW EXECUTE FUNCTION ${fn}()`;
    table.parts.push({ create, drop: `DROP TRIGGER ${name} ON ${table.name}` });
    return create;
  }
  if (kind === 1) {
    const create = `ALTER TABLE ${table.name} ADD CONSTRAINT ${name} CHECK (${column} IS NOT NULL) NOT VALID`;
    table.parts.push({ create, drop: `ALTER TABLE ${table.name} DROP CONSTRAINT ${name}` });
    return create;
  }
  const create = `CREATE INDEX ${name} ON ${table.name} (${column})`;
  table.parts.push({ create, drop: `DROP INDEX ${name}` });
  return create;
}

/** Some are created again by a later change of the same file. */
function dropPart(model: Model): string {
  const table = model.random.pick(model.tables.filter(({ parts }) => parts.length > 0));
  if (!table) return addPart(model);
  const [part] = table.parts.splice(model.random.below(table.parts.length), 1);
  if (!part) return addPart(model);
  if (!model.random.chance(0.3)) return part.drop;
  table.parts.push(part);
  return `${part.drop};\n${part.create}`;
}

function changeEnum(model: Model): string {
  const { random, enums } = model;
  const name = random.pick([...enums.keys()]);
  if (name === undefined || random.chance(0.2)) {
    const word = fresh(model, 'mood');
    if (enums.has(word)) return changeRows(model);
    enums.set(word, ['ok']);
    return `CREATE TYPE ${word} AS ENUM ('ok')`;
  }
  const labels = enums.get(name) ?? [];
  if (random.chance(0.3)) {
    enums.delete(name);
    return `DROP TYPE ${name}`;
  }
  const label = `l${model.count++}`;
  if (random.chance(0.4)) {
    const former = labels.splice(random.below(labels.length), 1, label)[0] ?? '';
    return `ALTER TYPE ${name} RENAME VALUE '${former}' TO '${label}'`;
  }
  labels.push(label);
  return `ALTER TYPE ${name} ADD VALUE '${label}'`;
}

function changeFunction(model: Model): string {
  const { random, functions, tables } = model;
  const name = random.pick([...functions.keys()]);
  const isUsed = tables.some(({ parts }) =>
    parts.some(({ create }) => create.includes(`FUNCTION ${name}(`)),
  );
  if (name !== undefined && !isUsed && random.chance(0.3)) {
    functions.delete(name);
    return `DROP FUNCTION IF EXISTS ${name} CASCADE`;
  }
  const word = name ?? fresh(model, 'fn');
  functions.set(word, random.below(3));
  return `CREATE OR REPLACE FUNCTION ${word}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM ${functions.get(word)}; RETURN NEW; END $$`;
}

function changeRows({ random, tables }: Model): string {
  const table = random.pick(tables);
  if (!table) return 'SELECT 1';
  const insert = `INSERT INTO ${table.name} DEFAULT VALUES`;
  return random.chance(0.3)
    ? `DO $$ BEGIN IF NOT EXISTS (SELECT FROM ${table.name}) THEN ${insert}; END IF; END $$`
    : `UPDATE ${table.name} SET id = id`;
}

/** What it changes depends on rows, which a replay does not have. */
function conditionalChange(model: Model): string {
  const [table, column] = columnOf(model);
  if (!table || !column) return changeRows(model);
  const name = `part_${model.count++}`;
  const part = model.random.pick(table.parts.filter(({ drop }) => drop.startsWith('DROP INDEX')));
  const drop = part ? `DROP INDEX IF EXISTS ${part.drop.slice('DROP INDEX '.length)}` : 'NULL';
  if (part) table.parts = table.parts.filter((each) => each !== part);
  return `DO $$ BEGIN IF EXISTS (SELECT FROM ${table.name}) THEN ${drop}; ELSE CREATE INDEX ${name} ON ${table.name} (${column}); END IF; END $$`;
}

/** What one file creates and drops leaves no trace. */
function passingTable(model: Model): string {
  const name = `passing_${model.count++}`;
  return `CREATE TABLE ${name} (id integer);\nDROP TABLE ${name}`;
}
