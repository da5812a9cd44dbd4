import type { Squashing } from '../format.ts';
import { lastOf, pairOfFiles, singleFile, squashedText } from '../shared/squashed.ts';
import { sections } from './sql.ts';

/** In the style of the last file: a pair, or one file with sections. */
export const squashing: Squashing = {
  changes(request) {
    if (lastOf(request).up.file.endsWith('.up.sql')) return pairOfFiles(request);
    const { head, up, down } = request;
    const [first, second] = [sections.up.line, sections.down.line];
    const text = `${first}\n${squashedText(up, head)}\n${second}\n\n${squashedText(down)}`;
    return singleFile(request, text);
  },
};
