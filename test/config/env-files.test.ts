import { describe, expect, it } from 'vitest';
import { readEnvFiles } from '../../src/env-files.ts';
import { folderOf } from '../cli/run-cli.ts';

function read(files: Record<string, string>, environment = {}, named?: string) {
  const root = folderOf(files);
  return readEnvFiles(environment, { root, cwd: root, named });
}

describe('a variable of an environment file', () => {
  it.each([
    ['URL=postgres://$U:${P}@h', 'postgres://u:p@h'],
    ['URL="postgres://${U}@h"', 'postgres://u@h'],
    ['URL=${NONE:-default}', 'default'],
    ['URL=${NONE-default}', 'default'],
    ['URL=${EMPTY:-default}', 'default'],
    ['URL=${EMPTY-default}', ''],
    ['URL=${NONE:-${U}}', 'u'],
    [String.raw`URL=\$U`, '$U'],
    ['URL=pa$sword', 'pa$sword'],
    ['URL=${NONE}', '${NONE}'],
    ['A=${B}\nB=${U}\nURL=${A}', 'u'],
    ['URL=${URL}', '${URL}'],
  ])('%j is expanded to %s', (content, value) => {
    const { variables } = read({ '.env': `U=u\nP=p\nEMPTY=\n${content}\n` });
    expect(variables['URL']).toBe(value);
  });

  it('refers to the environment before the files', () => {
    const { variables } = read({ '.env': 'U=file\nURL=${U}' }, { U: 'set' });
    expect(variables['URL']).toBe('set');
  });
});

describe('--env-file', () => {
  const files = { '.env': 'A=env\nB=env', 'other.env': 'A=other' };

  it('replaces .env and .env.local', () => {
    const { variables, fileOf } = read(files, {}, 'other.env');
    expect(variables).toEqual({ A: 'other' });
    expect(fileOf('A')).toBe('other.env');
  });

  it('must exist', () => {
    expect(() => read(files, {}, 'gone.env')).toThrow(/Environment file not found: .*gone\.env/);
  });
});
