/** What a comparison of two catalogs does not see, by design or because it can't; docs/verify.md has the same list. */
export const unseen: readonly string[] = [
  'the order of columns: a dump and restore keeps it, a column that was added later does not',
  'owners, and the rights of owners; other rights without --grants, MAINTAIN always',
  'roles, memberships, and settings of roles and databases (ALTER ROLE … SET, ALTER DATABASE … SET)',
  'tablespaces, versions of extensions and of collations, security labels',
  'what is inside of casts, operators, operator classes, collations, conversions, languages, text search objects, foreign-data wrappers and foreign servers: only whether they are there',
  'subscriptions and user mappings, and extensions and publications that no migration makes',
  'names of NOT NULL constraints, which older versions do not have',
  'the schemas pg_*, information_schema and dbops*, what belongs to an extension, temporary objects',
  'rows: what tables hold, where sequences stand, whether a materialized view is up to date',
];
