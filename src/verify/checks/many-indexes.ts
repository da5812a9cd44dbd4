import { objectName } from '../../catalog/snapshot.ts';
import { formatCount } from '../../output/number.ts';
import type { Check } from '../definition.ts';
import { tableIndexes } from '../table-indexes.ts';

export const manyIndexes: Check = {
  name: 'many-indexes',
  group: 'indexes',
  severity: 'info',
  isStatic: true,
  summary: 'No table has more than 10 indexes.',
  harm: 'Every INSERT, and every UPDATE of an indexed column, writes to each index; VACUUM reads all of them.',
  cure: 'Look for indexes that no query uses (unused-index), and for those that others make superfluous (redundant-index).',
  limits:
    'The limit is thresholds.manyIndexes. Indexes of a partition that belong to that of its partitioned table are not counted. Whether each of them is used is not considered.',
  async find(input) {
    const most = input.thresholds.manyIndexes;
    const own = (await tableIndexes(input)).filter(({ isAttached }) => !isAttached);
    return [...Map.groupBy(own, ({ tableOid }) => tableOid).values()].flatMap((indexes) => {
      const [first] = indexes;
      if (!first || indexes.length <= most) return [];
      const object = { kind: 'table', schema: first.schema, parent: '', name: first.table };
      return [
        {
          object,
          message: `${objectName(object)} has ${formatCount(indexes.length)} indexes: every write maintains them.`,
          help: 'Drop those that no query uses: dbops verify --only unused-index redundant-index',
        },
      ];
    });
  },
};
