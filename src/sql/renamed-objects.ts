import type { Node } from 'libpg-query';
import { nameFrom, nameOf, pathOf } from './non-transactional.ts';
import { globalOf, objectIn, objectOfPath, partOf, type Touch } from './named-objects.ts';

/** Returns the new names that a statement gives to objects. */
export function readRename(stmt: Node): Touch[] {
  if ('RenameStmt' in stmt) return renamed(stmt);
  if (!('AlterObjectSchemaStmt' in stmt)) return [];
  const { relation, object, objectType = '', newschema: schema = '' } = stmt.AlterObjectSchemaStmt;
  const moved = relation
    ? objectIn('relation', nameOf(relation))
    : object && objectOfPath(objectType, pathIn(object));
  return moved ? [{ does: 'rename', object: moved, to: { schema } }] : [];
}

function renamed({ RenameStmt }: Extract<Node, { RenameStmt: unknown }>): Touch[] {
  const { renameType = '', relation, object, subname, newname: name = '' } = RenameStmt;
  const to = { name };
  if (renameType === 'OBJECT_SCHEMA')
    return [{ does: 'rename', object: globalOf('schema', subname), to }];
  if (relation && subname !== undefined) {
    const table = nameOf(relation);
    const space = spaces[renameType];
    if (!space) return [];
    const part: Touch = { does: 'rename', object: partOf(space, table, subname), to };
    if (space !== 'constraint') return [part];
    // The index of a constraint has its name.
    const index = objectIn('relation', { ...table, name: subname });
    return [part, { does: 'rename', object: index, to }];
  }
  if (relation) return [{ does: 'rename', object: objectIn('relation', nameOf(relation)), to }];
  if (!object) return [];
  if (renameType === 'OBJECT_DOMCONSTRAINT')
    return [
      {
        does: 'rename',
        object: partOf('constraint', nameFrom(pathIn(object)), subname ?? ''),
        to,
      },
    ];
  const found = objectOfPath(renameType, pathIn(object));
  return found ? [{ does: 'rename', object: found, to }] : [];
}

const spaces: Readonly<Record<string, 'column' | 'constraint' | 'trigger' | 'policy' | 'rule'>> = {
  OBJECT_COLUMN: 'column',
  OBJECT_ATTRIBUTE: 'column',
  OBJECT_TABCONSTRAINT: 'constraint',
  OBJECT_TRIGGER: 'trigger',
  OBJECT_POLICY: 'policy',
  OBJECT_RULE: 'rule',
};

function pathIn(node: Node): string[] {
  if ('ObjectWithArgs' in node) return (node.ObjectWithArgs.objname ?? []).flatMap(pathOf);
  return 'TypeName' in node ? (node.TypeName.names ?? []).flatMap(pathOf) : pathOf(node);
}
