import type { ObjectName } from '../sql/non-transactional.ts';
import type { ChangedColumn } from './column-changes.ts';
import type { Conversion } from './conversion.ts';
import type { FormerColumn } from './read-column.ts';
import type { CarriedObject, FutureColumn } from './read-replaced.ts';

/** A column that is built beside the old one, and replaces it. */
export interface ReplacedColumn {
  change: ChangedColumn;
  former: FormerColumn;
  future: FutureColumn;
  conversion: Conversion;
  /** Its name until the swap. */
  to: string;
  /** The name of what requires its values until the swap. */
  requirement: string;
}

/** An object of the old column with the name of its successor until the swap. */
export type CarriedCopy = CarriedObject & { temporary: string };

/** The columns of one table that are replaced together. */
export interface TableReplacement {
  table: ObjectName;
  columns: ReplacedColumn[];
  carried: CarriedCopy[];
}

/** Returns statements that grant privileges. @param object from the privilege to the name of the object */
export function grants(
  all: FutureColumn['grants'],
  object: (privilege: string) => string,
): string[] {
  return all.map(
    ({ privilege, grantee, isGrantable }) =>
      `GRANT ${object(privilege)} TO ${grantee}${isGrantable ? ' WITH GRANT OPTION' : ''}`,
  );
}
