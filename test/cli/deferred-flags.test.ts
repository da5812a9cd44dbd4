import { describe, expect, it } from 'vitest';
import { command as status } from '../../src/commands/migrate/status.ts';
import { command as up } from '../../src/commands/migrate/up.ts';
import { statusFlags } from '../../src/migrate/status-flags.ts';
import { upFlags } from '../../src/migrate/up-flags.ts';

describe.each([
  ['migrate up', up, upFlags],
  ['migrate status', status, statusFlags],
])('the flags of %s', (_, command, schema) => {
  it('are those of the schema when none is given', () => {
    expect(command.defaults).toEqual(schema.parse({}));
    expect(command.names).toEqual(Object.keys(schema.shape));
  });
});
