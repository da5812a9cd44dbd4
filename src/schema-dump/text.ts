/** A function body may name what the file creates further down. */
const begin = 'SET check_function_bodies = off';
const end = 'RESET check_function_bodies';

const head = `-- The schema of the database, without rows and owners. dbops writes this file: change a migration
-- instead, then run: dbops schema dump
`;

/** Returns the text of the file, which ends with a newline. */
export function textOf(statements: readonly string[]): string {
  return [head, ...[begin, ...statements, end].map((sql) => `${sql};\n`)].join('\n');
}

/** The number of statements before those of the schema. */
export const statementsBefore = 1;
