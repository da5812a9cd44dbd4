import { standsAlone, sorted, type Kind } from './kind.ts';

/** An event trigger, which has no schema, listed in that of its function. */
export const eventTrigger: Kind = {
  name: 'event trigger',
  select: `SELECT 'event trigger' AS kind, n.name AS schema, '' AS parent, g.evtname AS name,
      json_build_object(
        'event', g.evtevent,
        'tags', ${sorted('g.evttags')},
        'function', f.proname,
        'enabled', g.evtenabled,
        'comment', obj_description(g.oid, 'pg_event_trigger')) AS properties,
      '{}'::json AS expressions
    FROM pg_event_trigger g JOIN pg_proc f ON f.oid = g.evtfoid JOIN schemas n ON n.oid = f.pronamespace
    WHERE ${standsAlone('pg_event_trigger', 'g.oid')}`,
};
