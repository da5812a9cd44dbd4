/** One change in SQL, both ways. */
export interface Change {
  name: string;
  up: string;
  down: string;
  /** The server refuses it in a transaction. */
  alone?: true;
}

/** Twelve changes with what a splitter at semicolons, or a transaction, would stumble over. */
export const mixed: readonly Change[] = [
  {
    name: 'people',
    up: `CREATE TABLE people (id serial PRIMARY KEY, email text NOT NULL UNIQUE, note text DEFAULT 'a;b');`,
    down: 'DROP TABLE people;',
  },
  {
    name: 'state',
    up: `CREATE TYPE state AS ENUM ('draft', 'sent');\nALTER TABLE people ADD COLUMN state state NOT NULL DEFAULT 'draft';`,
    down: 'ALTER TABLE people DROP COLUMN state;\nDROP TYPE state;',
  },
  {
    name: 'touch',
    up: `ALTER TABLE people ADD COLUMN touched_at timestamptz;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  -- a comment; with a semicolon, and a quote ' that is never closed
  NEW.touched_at := now();
  RETURN NEW;
END;
$body$;
CREATE TRIGGER touch BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION touch();`,
    down: 'DROP TRIGGER touch ON people;\nDROP FUNCTION touch();\nALTER TABLE people DROP COLUMN touched_at;',
  },
  {
    name: 'rows',
    up: `INSERT INTO people (email) SELECT 'p' || n || '@example.org' FROM generate_series(1, 50) n;`,
    down: 'DELETE FROM people;',
  },
  {
    name: 'index',
    up: 'CREATE INDEX people_note ON people (lower(note)) WHERE note IS NOT NULL;',
    down: 'DROP INDEX people_note;',
  },
  {
    name: 'concurrent-index',
    up: 'CREATE INDEX CONCURRENTLY people_state ON people (state);',
    down: 'DROP INDEX CONCURRENTLY people_state;',
    alone: true,
  },
  {
    name: 'letters',
    up: `CREATE TABLE letters (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, person int NOT NULL REFERENCES people ON DELETE CASCADE);
/* a comment /* in a comment; */ still; */
CREATE INDEX ON letters (person);`,
    down: 'DROP TABLE letters;',
  },
  {
    name: 'view',
    up: 'CREATE VIEW senders AS SELECT p.email, count(*) AS letters FROM people p JOIN letters l ON l.person = p.id GROUP BY 1;',
    down: 'DROP VIEW senders;',
  },
  {
    name: 'half',
    up: `CREATE FUNCTION half(n int) RETURNS int LANGUAGE sql IMMUTABLE\nBEGIN ATOMIC\n  SELECT n / 2;\nEND;`,
    down: 'DROP FUNCTION half;',
  },
  {
    name: 'check',
    up: `ALTER TABLE people ADD CONSTRAINT people_email CHECK (email LIKE '%@%') NOT VALID;\nALTER TABLE people VALIDATE CONSTRAINT people_email;`,
    down: 'ALTER TABLE people DROP CONSTRAINT people_email;',
  },
  {
    name: 'comment',
    up: `COMMENT ON TABLE people IS 'Ünïcode; “quoted” and $dollars$';`,
    down: 'COMMENT ON TABLE people IS NULL;',
  },
  {
    name: 'settings',
    up: `SET search_path TO public, pg_catalog;\nSET statement_timeout = '1h';\nCREATE TABLE elsewhere (id int);`,
    down: 'DROP TABLE elsewhere;',
  },
];

/** The first so many files, which `nameOf` and `textOf` make of the changes. */
export function filesOf(
  count: number,
  nameOf: (change: Change, index: number) => string,
  textOf: (change: Change, index: number) => string,
): Record<string, string> {
  const files = mixed.slice(0, count).map((change, index) => {
    return [nameOf(change, index), textOf(change, index)] as const;
  });
  return Object.fromEntries(files);
}
