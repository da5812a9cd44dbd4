import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { validate, ValidationSeverity } from 'dockerfile-utils';
import { expect, it } from 'vitest';

const text = readFileSync(join(import.meta.dirname, '../../Dockerfile'), 'utf8');
const instructions = text.match(/^[A-Z]+ .*$/gm) ?? [];

it('the Dockerfile has no problems', () => {
  const strict = {
    directiveCasing: ValidationSeverity.ERROR,
    emptyContinuationLine: ValidationSeverity.ERROR,
    instructionCasing: ValidationSeverity.ERROR,
    instructionWorkdirRelative: ValidationSeverity.ERROR,
  };
  expect(validate(text, strict)).toEqual([]);
});

it('the image runs dbops as a user that is not root, with its cache in /cache', () => {
  const final = instructions.slice(instructions.findLastIndex((each) => each.startsWith('FROM')));
  expect(final[0]).toMatch(/^FROM node:\d+-slim$/);
  expect(final).toEqual(
    expect.arrayContaining([
      'ENV DBOPS_CACHE_DIR=/cache',
      'VOLUME /cache',
      'USER node',
      'ENTRYPOINT ["dbops"]',
    ]),
  );
});
