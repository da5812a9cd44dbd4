/**
 * Creates the schema `dbops` if it is missing. IF NOT EXISTS alone would require the privilege to
 * create schemas even when the owner created it beforehand.
 */
export const ensureOwnSchema = `DO $$ BEGIN
  IF to_regnamespace('dbops') IS NULL THEN CREATE SCHEMA IF NOT EXISTS dbops; END IF;
END $$;`;
