import type { Squashing } from '../format.ts';
import { singleFile, squashedText } from '../shared/squashed.ts';

/** One file with both sections; dbmate requires the second. */
export const squashing: Squashing = {
  changes(request) {
    const { head, up, down } = request;
    const text = `-- migrate:up\n${squashedText(up, head)}\n-- migrate:down\n\n${squashedText(down)}`;
    return singleFile(request, text);
  },
};
