/**
 * Makes the schema `dbops` where it is missing. IF NOT EXISTS alone would ask for the right to
 * create schemas even when the owner has made it beforehand.
 */
export const ensureOwnSchema = `DO $$ BEGIN
  IF to_regnamespace('dbops') IS NULL THEN CREATE SCHEMA IF NOT EXISTS dbops; END IF;
END $$;`;
