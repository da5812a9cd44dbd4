import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The schema of the observed statements without rows, as a shadow has it. */
export const observedSchema = readFileSync(
  join(import.meta.dirname, 'observed', 'schema.sql'),
  'utf8',
).replaceAll(/^(?:insert|analyze|create role).*$/gm, '');

/** Creates the role that some of the statements name; it belongs to the server, which others use too. */
export const roleOfStatements = `DO $$ BEGIN CREATE ROLE app NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;`;
