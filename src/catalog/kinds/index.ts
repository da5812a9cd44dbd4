import { aggregate } from './aggregate.ts';
import { column } from './column.ts';
import { constraint } from './constraint.ts';
import { domain } from './domain.ts';
import { domainConstraint } from './domain-constraint.ts';
import { eventTrigger } from './event-trigger.ts';
import { extension } from './extension.ts';
import { foreignTable } from './foreign-table.ts';
import { routine } from './function.ts';
import { defaultPrivileges, grants, schemaGrants } from './grants.ts';
import { index } from './index-kind.ts';
import type { Kind } from './kind.ts';
import { policy } from './policy.ts';
import { publication } from './publication.ts';
import { publicationTable } from './publication-table.ts';
import { rarity } from './rarity.ts';
import { rule } from './rule.ts';
import { schema } from './schema.ts';
import { sequence } from './sequence.ts';
import { statistics } from './statistics.ts';
import { table } from './table.ts';
import { trigger } from './trigger.ts';
import { type } from './type.ts';
import { view } from './view.ts';

/**
 * Every kind of object, in the order of reported differences. Owners and privileges are excluded,
 * because they depend on the roles of the server and the grants of its platform.
 */
export const kinds: Kind[] = [
  extension,
  schema,
  type,
  domain,
  domainConstraint,
  table,
  foreignTable,
  column,
  constraint,
  index,
  sequence,
  view,
  routine,
  aggregate,
  trigger,
  policy,
  rule,
  statistics,
  publication,
  publicationTable,
  eventTrigger,
  rarity,
];

/** Privileges, which are compared only on request: roles belong to the server. */
export const grantKinds: Kind[] = [schemaGrants, grants, defaultPrivileges];
