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
 * Every kind of object, in the order in which differences are told. Owners and rights are none:
 * the roles of a server and what its platform grants by default are no work of migrations.
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

/** Rights, for whoever asks for them: what roles there are is a matter of the server. */
export const grantKinds: Kind[] = [schemaGrants, grants, defaultPrivileges];
