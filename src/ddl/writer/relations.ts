import { standsAlone } from '../../catalog/kinds/kind.ts';
import { idOf, parametersOf, selectPieces } from './piece.ts';

const tableId = idOf('pg_class', 'c.oid');

/** pg_get_viewdef() ends with a semicolon. */
const query = `rtrim(pg_get_viewdef(c.oid), ';')`;
const withParameters = `coalesce(' WITH (' || ${parametersOf('c.reloptions')} || ')', '')`;

const view = selectPieces({
  id: tableId,
  stage: 'view',
  kind: `'view'`,
  schema: 'c.schema',
  name: 'c.relname',
  sql: `ARRAY[CASE c.relkind WHEN 'v' THEN format(E'CREATE VIEW %I.%I%s AS\\n%s', c.schema, c.relname, ${withParameters}, ${query})
      ELSE format(E'CREATE MATERIALIZED VIEW %I.%I%s%s AS\\n%s\\n  WITH NO DATA', c.schema, c.relname,
        (SELECT ' USING ' || quote_ident(a.amname) FROM pg_am a WHERE a.oid = c.relam AND a.amname <> 'heap'), ${withParameters}, ${query}) END]`,
  from: `relations c WHERE c.relkind IN ('v', 'm')`,
});

/** A function that the query calls may read what is created later. Whether a view is populated is data. */
const refresh = selectPieces({
  id: `'refresh ' || ${tableId}`,
  stage: 'refresh',
  kind: `'view'`,
  schema: 'c.schema',
  name: 'c.relname',
  sql: `ARRAY[format('REFRESH MATERIALIZED VIEW %I.%I', c.schema, c.relname)]`,
  needs: `ARRAY[${tableId}]`,
  from: `relations c WHERE c.relkind = 'm'`,
});

const viewDefault = selectPieces({
  id: idOf('pg_attrdef', 'd.oid'),
  stage: 'late column rule',
  kind: `'column'`,
  schema: 'c.schema',
  parent: 'c.relname',
  name: 'a.attname',
  sql: `ARRAY[format('ALTER VIEW %I.%I ALTER COLUMN %I SET DEFAULT %s', c.schema, c.relname, a.attname, pg_get_expr(d.adbin, d.adrelid))]`,
  needs: `ARRAY[${tableId}]`,
  from: `relations c JOIN pg_attrdef d ON d.adrelid = c.oid
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.adnum WHERE c.relkind = 'v'`,
});

/**
 * The index of a partitioned table is printed with ON ONLY, which would leave it invalid. A name may
 * contain ` ON `.
 */
const indexDefinition = `CASE i.relkind WHEN 'I' THEN regexp_replace(h.head, 'x$', quote_ident(i.relname)) || ' ON '
      || substr(pg_get_indexdef(i.oid), length(h.head) + length(quote_ident(i.relname)) + length(' ON ONLY '))
    ELSE pg_get_indexdef(i.oid) END`;
const indexTargets = `coalesce((SELECT array_agg(format('ALTER INDEX %s ALTER COLUMN %s SET STATISTICS %s', i.oid::regclass, a.attnum, a.attstattarget) ORDER BY a.attnum)
    FROM pg_attribute a WHERE a.attrelid = i.oid AND a.attstattarget >= 0), '{}')`;

const index = selectPieces({
  id: idOf('pg_class', 'i.oid'),
  stage: 'index',
  kind: `'index'`,
  schema: 'c.schema',
  parent: 'c.relname',
  name: 'i.relname',
  sql: `ARRAY[${indexDefinition}] || ${indexTargets}`,
  needs: `ARRAY[${tableId}]`,
  from: `relations c JOIN pg_index x ON x.indrelid = c.oid JOIN pg_class i ON i.oid = x.indexrelid
    CROSS JOIN LATERAL (SELECT CASE WHEN x.indisunique THEN 'CREATE UNIQUE INDEX x' ELSE 'CREATE INDEX x' END AS head) h
    WHERE NOT EXISTS (SELECT FROM pg_constraint o WHERE o.conindid = i.oid AND o.contype IN ('p', 'u', 'x'))`,
});

const replicaIdentity = selectPieces({
  id: `'replica ' || ${tableId}`,
  stage: 'index of table',
  kind: `'table'`,
  schema: 'c.schema',
  name: 'c.relname',
  sql: `ARRAY[format('ALTER TABLE %I.%I REPLICA IDENTITY ', c.schema, c.relname) || CASE c.relreplident
      WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING' ELSE (SELECT 'USING INDEX ' || quote_ident(i.relname) FROM pg_index x
        JOIN pg_class i ON i.oid = x.indexrelid WHERE x.indrelid = c.oid AND x.indisreplident) END]`,
  needs: `ARRAY[${tableId}] || array(SELECT ${idOf('pg_class', 'x.indexrelid')} FROM pg_index x WHERE x.indrelid = c.oid AND x.indisreplident)`,
  from: `relations c WHERE c.relkind IN ('r', 'p') AND c.relreplident <> 'd'
    AND (c.relreplident <> 'i' OR EXISTS (SELECT FROM pg_index x WHERE x.indrelid = c.oid AND x.indisreplident))`,
});

const cluster = selectPieces({
  id: `'cluster ' || ${idOf('pg_class', 'i.oid')}`,
  stage: 'index of table',
  kind: `'table'`,
  schema: 'c.schema',
  name: 'c.relname',
  sql: `ARRAY[format('ALTER %s %I.%I CLUSTER ON %I', CASE c.relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END, c.schema, c.relname, i.relname)]`,
  needs: `ARRAY[${tableId}, ${idOf('pg_class', 'i.oid')}]`,
  from: `relations c JOIN pg_index x ON x.indrelid = c.oid AND x.indisclustered JOIN pg_class i ON i.oid = x.indexrelid`,
});

const enabling = (state: string) =>
  `CASE ${state} WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' WHEN 'A' THEN 'ENABLE ALWAYS' END`;

/** Triggers of dbops fill a column while it is backfilled. Those of partitions come from their parents. */
const trigger = selectPieces({
  id: idOf('pg_trigger', 'g.oid'),
  stage: 'trigger',
  kind: `'trigger'`,
  schema: 'c.schema',
  parent: 'c.relname',
  name: 'g.tgname',
  sql: `(ARRAY[pg_get_triggerdef(g.oid), format('ALTER TABLE %I.%I %s TRIGGER %I', c.schema, c.relname, ${enabling('g.tgenabled')}, g.tgname)])
      [1:CASE g.tgenabled WHEN 'O' THEN 1 ELSE 2 END]`,
  needs: `ARRAY[${tableId}]`,
  from: `relations c JOIN pg_trigger g ON g.tgrelid = c.oid WHERE NOT g.tgisinternal AND g.tgparentid = 0`,
});

const rule = selectPieces({
  id: idOf('pg_rewrite', 'r.oid'),
  stage: 'rule',
  kind: `'rule'`,
  schema: 'c.schema',
  parent: 'c.relname',
  name: 'r.rulename',
  sql: `(ARRAY[rtrim(pg_get_ruledef(r.oid), ';'), format('ALTER TABLE %I.%I %s RULE %I', c.schema, c.relname, ${enabling('r.ev_enabled')}, r.rulename)])
      [1:CASE r.ev_enabled WHEN 'O' THEN 1 ELSE 2 END]`,
  needs: `ARRAY[${tableId}]`,
  from: `relations c JOIN pg_rewrite r ON r.ev_class = c.oid WHERE r.rulename <> '_RETURN'`,
});

const policyRoles = `(SELECT string_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(r)) END, ', '
      ORDER BY pg_get_userbyid(r) COLLATE "C") FROM unnest(p.polroles) r)`;

const policy = selectPieces({
  id: idOf('pg_policy', 'p.oid'),
  stage: 'policy',
  kind: `'policy'`,
  schema: 'c.schema',
  parent: 'c.relname',
  name: 'p.polname',
  sql: `ARRAY[concat(format('CREATE POLICY %I ON %I.%I', p.polname, c.schema, c.relname),
      CASE WHEN NOT p.polpermissive THEN ' AS RESTRICTIVE' END,
      ' FOR ' || CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
      ' TO ' || ${policyRoles},
      E'\\n  USING (' || pg_get_expr(p.polqual, p.polrelid) || ')',
      E'\\n  WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')')]`,
  from: `relations c JOIN pg_policy p ON p.polrelid = c.oid`,
});

const statistics = selectPieces({
  id: idOf('pg_statistic_ext', 's.oid'),
  stage: 'statistics',
  kind: `'statistics'`,
  schema: 'c.schema',
  parent: 'c.relname',
  name: `n.name || '.' || s.stxname`,
  sql: `(ARRAY[pg_get_statisticsobjdef(s.oid), format('ALTER STATISTICS %I.%I SET STATISTICS %s', n.name, s.stxname, coalesce(s.stxstattarget, -1))])
      [1:CASE WHEN coalesce(s.stxstattarget, -1) >= 0 THEN 2 ELSE 1 END]`,
  needs: `ARRAY[${tableId}]`,
  from: `relations c JOIN pg_statistic_ext s ON s.stxrelid = c.oid JOIN schemas n ON n.oid = s.stxnamespace
    WHERE ${standsAlone('pg_statistic_ext', 's.oid')}`,
});

/** Views, and everything that belongs to a table or a view but is created after it. */
export const relationPieces: readonly string[] = [
  view,
  refresh,
  viewDefault,
  index,
  replicaIdentity,
  cluster,
  trigger,
  rule,
  policy,
  statistics,
];
